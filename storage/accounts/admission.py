"""Whether a caller may do what its request asks, checked in the unit of work that serves it.

So the end of a session, a closed account or a removed role takes effect with the next request.
"""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import IntegrityError

from storage.accounts.tables import ADMIN, sessions, users
from storage.collections.viewers import ANONYMOUS, Viewer
from storage.column_types import UtcDateTime, metadata
from storage.errors import NotAdmin, SignedOut, UnknownIdentity


class Session(NamedTuple):
    """The session of one of our own access tokens, and its user."""

    id: UUID
    user_id: UUID


class Identity(NamedTuple):
    """The user that a token of an outside identity provider names."""

    issuer: str
    subject: str


Credentials = Session | Identity

USER = select(users.c.id, users.c.role, users.c.active)
OF_SESSION = USER.join(sessions, sessions.c.user_id == users.c.id).where(
    sessions.c.id == bindparam("session_id"),
    sessions.c.expires_at > bindparam("now", type_=UtcDateTime),
)
OF_IDENTITY = USER.where(
    users.c.issuer == bindparam("issuer"), users.c.subject == bindparam("subject")
)


def admit(
    connection: Connection, credentials: Credentials | None, *, admins_only: bool = False
) -> Viewer:
    """Return the viewer with these credentials. Raises SignedOut, UnknownIdentity and NotAdmin."""
    viewer = ANONYMOUS if credentials is None else _viewer_of(connection, credentials)
    if admins_only and not viewer.is_admin:
        raise NotAdmin(viewer.user_id)
    return viewer


def _viewer_of(connection: Connection, credentials: Credentials) -> Viewer:
    if isinstance(credentials, Session):
        params = {"session_id": credentials.id, "now": datetime.now(UTC)}
        user = connection.execute(OF_SESSION, params).one_or_none()
    else:
        user = connection.execute(OF_IDENTITY, credentials._asdict()).one_or_none()
        if user is None:
            raise UnknownIdentity
    if user is None or not user.active:
        raise SignedOut
    is_admin = user.role == ADMIN
    return Viewer(user.id, is_admin=is_admin, sees_all=is_admin)


def is_deleted_account(error: Exception) -> bool:
    """Whether a unit of work failed because its viewer's account was deleted during it: a foreign
    key to users is violated. SQLite gives no names, but runs one write at a time, so an admitted
    user exists until it ends."""
    if not isinstance(error, IntegrityError):
        return False
    constraint = getattr(error.driver_exception, "constraint_name", None)
    keys = (key for table in metadata.tables.values() for key in table.foreign_key_constraints)
    return any(key.name == constraint for key in keys if key.referred_table is users)
