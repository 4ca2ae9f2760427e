"""Errors of the domain: what is wrong with the data that a caller asked for. api.problems gives
each its HTTP status."""

from collections.abc import Sequence
from uuid import UUID


class NotFound(LookupError):
    """Nothing has this id. A subclass names the resource in `detail`, which clients read."""

    detail = "Nothing has this id."


def not_found(name: str) -> type[NotFound]:
    """The NotFound of the resource called `name`: OrderNotFound of "order"."""
    about = f"No {name} has this id."
    return type(
        f"{name.title().replace(' ', '')}NotFound", (NotFound,), {"__doc__": about, "detail": about}
    )


class VersionConflict(Exception):
    """The stored version is not one that the caller wants to change."""


class PreconditionMissing(Exception):
    """The caller must say which version it wants to change, and has not."""


class StillReferenced(Exception):
    """A row refers to the one to delete. `names`: the tables that may contain it."""

    def __init__(self, names: Sequence[str]) -> None:
        self.detail = f"Another resource refers to it, which is one of: {', '.join(names)}."
        super().__init__(self.detail)


class AlreadyExists(Exception):
    """Another row has the values of the columns `names`, which must be unique; clients read
    `errors`."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(*names)
        self.errors = [{"detail": "Must be unique.", "pointer": f"/{name}"} for name in names]


class FieldError(Exception):
    """The value of the field `name` is wrong; `detail`, which clients read, says how."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(name, detail)
        self.name, self.detail = name, detail


class RelatedRowNotFound(FieldError):
    """The value is not the id of a row that the viewer may see."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "There is no such resource, or it is not yours.")


class RuleBroken(FieldError):
    """The value contradicts those of other fields."""


class KeyReused(Exception):
    """The idempotency key has been used for another request."""


class KeyInUse(Exception):
    """A request with the same idempotency key is still running."""


class SignedOut(Exception):
    """The session is over, or its account is closed."""

    detail = "The session of the access token has ended, or its account is closed."


class UnknownIdentity(Exception):
    """An outside identity that has no account yet."""


class NotAdmin(Exception):
    """Only admins may do this, and the user `user_id` is not one."""

    def __init__(self, user_id: UUID | None) -> None:
        super().__init__(user_id)
        self.user_id = user_id


class QuotaExceeded(Exception):
    """The user has as many rows of the table `kind` as they may have, which is `quota`."""

    def __init__(self, quota: int, kind: str) -> None:
        super().__init__(quota, kind)
        self.quota, self.kind = quota, kind
        self.detail = f"This account has reached its maximum of {quota} {kind}."
