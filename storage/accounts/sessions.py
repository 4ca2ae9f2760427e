"""Sessions: one for each sign-in; storage/accounts/grants.py opens them and keeps them open.

The row is the session: once it is deleted or has expired, its tokens are worth nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, delete, select

from storage.accounts.session_tables import BY_USER, LAST_USED_AT, sessions
from storage.collections.viewers import Viewer
from storage.column_types import UtcDateTime
from storage.errors import NotFound

SessionRow = Row[UUID, datetime, datetime, datetime, str | None, str | None]


class SessionNotFound(NotFound):
    """No session of this user has this id."""

    detail = "No session has this id."


LIST = (
    select(
        sessions.c.id,
        sessions.c.created_at,
        LAST_USED_AT.label("last_used_at"),
        sessions.c.expires_at,
        sessions.c.address,
        sessions.c.user_agent,
    )
    .where(BY_USER, sessions.c.expires_at > bindparam("now", type_=UtcDateTime))
    .order_by(LAST_USED_AT.desc(), sessions.c.id)
)
END_ALL = delete(sessions).where(BY_USER)
END_OTHERS = END_ALL.where(sessions.c.id != bindparam("session_id"))
END = END_ALL.where(sessions.c.id == bindparam("session_id")).returning(sessions.c.id)


def list_sessions(connection: Connection, viewer: Viewer) -> Sequence[SessionRow]:
    """The viewer's sessions, the latest used first."""
    parameters = {"user_id": viewer.user_id, "now": datetime.now(UTC)}
    return connection.execute(LIST, parameters).all()


def end_sessions(connection: Connection, viewer: Viewer) -> None:
    """End all sessions of the viewer."""
    connection.execute(END_ALL, {"user_id": viewer.user_id})


def end_session(connection: Connection, viewer: Viewer, session_id: UUID) -> None:
    """End one session of the viewer. Raises SessionNotFound."""
    parameters = {"user_id": viewer.user_id, "session_id": session_id}
    if connection.execute(END, parameters).one_or_none() is None:
        raise SessionNotFound
