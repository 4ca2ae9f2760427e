"""Sessions: one for each sign-in; storage/accounts/grants.py opens them and keeps them open.

The row is the session: once it is deleted or has expired, its tokens are worth nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection, Row, Uuid, bindparam, case, delete, select

from storage.accounts.errors import SessionNotFound
from storage.accounts.tables import sessions
from storage.collections.viewers import Viewer
from storage.column_types import UtcDateTime
from storage.idempotency import DELETED_AT_ONCE, delete_expired_responses

SessionRow = Row[UUID, datetime, datetime, datetime, str | None, str | None, bool]

BY_USER = sessions.c.user_id == bindparam("user_id", type_=Uuid)
# The clock may have been set back between the two.
LAST_USED_AT = case(
    (sessions.c.refreshed_at > sessions.c.created_at, sessions.c.refreshed_at),
    else_=sessions.c.created_at,
)
LIST = (
    select(
        sessions.c.id,
        sessions.c.created_at,
        LAST_USED_AT.label("last_used_at"),
        sessions.c.expires_at,
        sessions.c.address,
        sessions.c.user_agent,
        sessions.c.id.is_not_distinct_from(bindparam("current", type_=Uuid)).label("current"),
    )
    .where(BY_USER, sessions.c.expires_at > bindparam("now", type_=UtcDateTime))
    .order_by(LAST_USED_AT.desc(), sessions.c.id)
)
END_ALL = delete(sessions).where(BY_USER)
END_OTHERS = END_ALL.where(sessions.c.id != bindparam("session_id"))
END = END_ALL.where(sessions.c.id == bindparam("session_id")).returning(sessions.c.id)
EXPIRED = (
    select(sessions.c.id)
    .where(sessions.c.expires_at <= bindparam("now", type_=UtcDateTime))
    .order_by(sessions.c.expires_at)
    .limit(DELETED_AT_ONCE)
    .with_for_update(skip_locked=True)
)
DELETE_EXPIRED = delete(sessions).where(sessions.c.id.in_(EXPIRED))


def list_sessions(
    connection: Connection, viewer: Viewer, current: UUID | None
) -> Sequence[SessionRow]:
    """The viewer's sessions, the last used first; whether each is the `current` one."""
    parameters = {"user_id": viewer.user_id, "now": datetime.now(UTC), "current": current}
    return connection.execute(LIST, parameters).all()


def end_sessions(connection: Connection, viewer: Viewer) -> None:
    connection.execute(END_ALL, {"user_id": viewer.user_id})


def end_session(connection: Connection, viewer: Viewer, session_id: UUID) -> None:
    """End one session of the viewer. Raises SessionNotFound."""
    parameters = {"user_id": viewer.user_id, "session_id": session_id}
    if connection.execute(END, parameters).one_or_none() is None:
        raise SessionNotFound


def delete_expired(connection: Connection) -> bool:
    """Delete a portion of the expired sessions and stored responses. Return whether that was all.

    This only frees space, since every read checks the times. Any number of processes may do it at
    once.
    """
    deleted = connection.execute(DELETE_EXPIRED, {"now": datetime.now(UTC)}).rowcount
    return max(deleted, delete_expired_responses(connection)) < DELETED_AT_ONCE
