"""What nothing needs any more because its time is over: sessions, and answers to repeated requests.

Whether a row counts is decided by its times, whenever it is read; this only frees the room.
"""

from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, delete, select

from storage.accounts.session_tables import sessions
from storage.column_types import UtcDateTime
from storage.idempotency import DELETED_AT_ONCE, delete_expired_answers

EXPIRED = (
    select(sessions.c.id)
    .where(sessions.c.expires_at <= bindparam("now", type_=UtcDateTime))
    .order_by(sessions.c.expires_at)
    .limit(DELETED_AT_ONCE)
    .with_for_update(skip_locked=True)
)
DELETE_EXPIRED = delete(sessions).where(sessions.c.id.in_(EXPIRED))


def delete_expired(connection: Connection) -> bool:
    """Delete a portion. Return whether that was all; any number of processes may do it at once."""
    deleted = connection.execute(DELETE_EXPIRED, {"now": datetime.now(UTC)}).rowcount
    return max(deleted, delete_expired_answers(connection)) < DELETED_AT_ONCE
