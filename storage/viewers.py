"""Who asks, and what of the data is theirs: the one place that decides it."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Column, ColumnElement, true


class Viewer(NamedTuple):
    """`user_id`: None without an account. `sees_all`: an admin, or anybody where the service asks
    for no account."""

    user_id: UUID | None
    is_admin: bool
    sees_all: bool

    def owns(self, owner_id: Column[UUID | None]) -> ColumnElement[bool]:
        """As part of a WHERE clause: what isn't theirs doesn't exist for them."""
        return true() if self.sees_all else owner_id == self.user_id


EVERYBODY = Viewer(user_id=None, is_admin=False, sees_all=True)
"""Whoever sends no token to a service that asks for none."""
