"""What can be true of the data and in a caller's way. HTTP's words for it are api.problems's."""

from uuid import UUID


class NotFound(LookupError):
    """Nothing has this id. A subclass names the resource in `detail`, which clients read."""

    detail = "Nothing has this id."


class VersionConflict(Exception):
    """What is stored is not at a version that the caller wants to change."""


class KeyReused(Exception):
    """The idempotency key has been used for another request."""


class KeyInUse(Exception):
    """A request with the same idempotency key is still running."""


class SignedOut(Exception):
    """The session is over, or its account is closed."""


class UnknownIdentity(Exception):
    """An outside identity that has no account yet."""


class NotAdmin(Exception):
    """Only admins may do this; the user `user_id` is none."""

    def __init__(self, user_id: UUID | None) -> None:
        super().__init__(user_id)
        self.user_id = user_id


class QuotaExceeded(Exception):
    """The user has as many as they may have, which is `quota`."""

    def __init__(self, quota: int) -> None:
        super().__init__(quota)
        self.quota = quota
