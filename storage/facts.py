"""What can be true of the data and in a caller's way. HTTP's words for it are api.problems's."""


class NotFound(LookupError):
    """Nothing has this id. A subclass names the resource in `detail`, which clients read."""

    detail = "Nothing has this id."
