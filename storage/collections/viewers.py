"""The viewer of a request, and which rows it owns: decided in this module alone."""

from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import BindParameter, Column, ColumnElement, bindparam, true


class Viewer(NamedTuple):
    """`user_id`: None without an account. `sees_all`: true for admins, and for all callers if
    AUTH_REQUIRED is off."""

    user_id: UUID | None
    is_admin: bool
    sees_all: bool

    @classmethod
    def owner(cls, user_id: UUID) -> Self:
        """A user that is not an admin."""
        return cls(user_id, is_admin=False, sees_all=False)

    def owns(self, owner_id: Column[Any]) -> ColumnElement[bool]:
        """As part of a WHERE clause: rows of other owners don't exist for the viewer. To be
        executed with the `parameters`."""
        return true() if self.sees_all else owner_id == _viewer_id(owner_id)

    @property
    def kind(self) -> "Viewer":
        """What statements depend on; they are the same for all viewers of a kind."""
        return SEES_ALL if self.sees_all else SEES_OWN

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of statements that are made for the viewer's kind."""
        return {} if self.sees_all else {"_viewer_id": self.user_id}

    def index_prefix(self, owner_id: Column[Any]) -> list[tuple[Column[Any], BindParameter[Any]]]:
        """The columns and values that begin the entries of an index of the viewer's rows."""
        return [] if self.sees_all else [(owner_id, _viewer_id(owner_id))]


def _viewer_id(owner_id: Column[Any]) -> BindParameter[UUID]:
    return bindparam("_viewer_id", type_=owner_id.type)


SEES_ALL, SEES_OWN = (Viewer(None, is_admin=False, sees_all=sees_all) for sees_all in (True, False))


ANONYMOUS = Viewer(user_id=None, is_admin=False, sees_all=True)
"""A client without a token, where the service doesn't require one."""

OPERATOR = Viewer(user_id=None, is_admin=True, sees_all=True)
"""The operator of the service, who runs commands on its machine."""
