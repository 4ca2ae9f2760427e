"""Who asks, and what of the data is theirs: the one place that decides it."""

from typing import Any, Generic, NamedTuple, Self, TypeVar
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    Select,
    Update,
    bindparam,
    literal,
    true,
)


class Viewer(NamedTuple):
    """`user_id`: None without an account. `sees_all`: an admin, or anybody where the service asks
    for no account."""

    user_id: UUID | None
    is_admin: bool
    sees_all: bool

    @classmethod
    def owner(cls, user_id: UUID) -> Self:
        """A user who is no admin."""
        return cls(user_id, is_admin=False, sees_all=False)

    def owns(self, owner_id: Column[Any]) -> ColumnElement[bool]:
        """As part of a WHERE clause: what isn't theirs doesn't exist for them."""
        return true() if self.sees_all else owner_id == literal(self.user_id, owner_id.type)

    @property
    def parameters(self) -> dict[str, Any]:
        """Those that Owned statements take."""
        return {} if self.sees_all else {"_viewer_id": self.user_id}

    def index_prefix(self, owner_id: Column[Any]) -> list[tuple[Column[Any], Any]]:
        """The same for orders.ByColumns: what the entries of an index begin with."""
        return [] if self.sees_all else [(owner_id, self.user_id)]


EVERYBODY = Viewer(user_id=None, is_admin=False, sees_all=True)
"""Whoever sends no token to a service that asks for none."""

OPERATOR = Viewer(user_id=None, is_admin=True, sees_all=True)
"""The operator of the service, who runs commands on its machine."""


S = TypeVar("S", Select[Any], Update, Delete)


class Owned(Generic[S]):
    """A statement over rows that have an owner, made beforehand for viewers of either kind: to make
    it for each request costs more than to read a row."""

    def __init__(self, statement: S, owner_id: Column[Any]) -> None:
        self._statement: S = statement
        self._own: S = statement.where(owner_id == bindparam("_viewer_id"))

    def by(self, viewer: Viewer) -> S:
        """To be executed with the viewer's `parameters`."""
        return self._statement if viewer.sees_all else self._own
