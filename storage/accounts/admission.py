"""Whether a request may do what it asks: found out in the very unit of work that serves it.

So a session that has been ended, an account that has been closed, or a role that has been taken
away counts from the next request on.
"""

from __future__ import annotations  # or those of inner functions are made for each request

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import IntegrityError

from storage.accounts.session_tables import sessions
from storage.accounts.tables import ADMIN, users
from storage.collections.viewers import EVERYBODY, Viewer
from storage.column_types import UtcDateTime, metadata
from storage.errors import NotAdmin, SignedOut, UnknownIdentity

P = ParamSpec("P")
T = TypeVar("T")


class Session(NamedTuple):
    """What one of our own access tokens says: its session, and whose that is."""

    id: UUID
    user_id: UUID


class Identity(NamedTuple):
    """What a token of an outside identity provider says."""

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


def admit(connection: Connection, credentials: Credentials | None) -> Viewer:
    """Who has these credentials. Raises SignedOut and UnknownIdentity."""
    if credentials is None:
        return EVERYBODY
    if isinstance(credentials, Session):
        user = connection.execute(
            OF_SESSION, {"session_id": credentials.id, "now": datetime.now(UTC)}
        ).one_or_none()
    else:
        user = connection.execute(OF_IDENTITY, credentials._asdict()).one_or_none()
        if user is None:
            raise UnknownIdentity
    if user is None or not user.active:
        raise SignedOut
    is_admin = user.role == ADMIN
    return Viewer(user.id, is_admin=is_admin, sees_all=is_admin)


def admitted(
    credentials: Credentials | None,
    admins_only: bool,
    function: Callable[Concatenate[Connection, Viewer, P], T],
) -> Callable[Concatenate[Connection, P], T]:
    """`function` as a unit of work for who has `credentials`; it gets the viewer behind the
    connection. Raises SignedOut, UnknownIdentity and NotAdmin before it is called."""

    def unit_of_work(connection: Connection, /, *args: P.args, **kwargs: P.kwargs) -> T:
        viewer = admit(connection, credentials)
        if admins_only and not viewer.is_admin:
            raise NotAdmin(viewer.user_id)
        try:
            return function(connection, viewer, *args, **kwargs)
        except IntegrityError as error:
            if _leads_to_users(getattr(error.driver_exception, "constraint_name", None)):
                raise SignedOut from error  # the account was deleted this very moment
            raise

    return unit_of_work


def _leads_to_users(constraint: str | None) -> bool:
    """Whether it is the name of a foreign key to users. SQLite tells none, but there a write is
    alone: who was admitted is there until it ends."""
    keys = (key for table in metadata.tables.values() for key in table.foreign_key_constraints)
    return any(key.name == constraint for key in keys if key.referred_table is users)
