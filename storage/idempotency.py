"""Requests that take effect once, however often they are sent.

The key, the write and the first response share one transaction, so either all of them are stored or
none is. A request with the same key gets that response again.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    bindparam,
    delete,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError

from storage.collections.viewers import Viewer
from storage.column_types import UtcDateTime, metadata
from storage.engines.postgresql_locks import LOCK_NOT_AVAILABLE
from storage.errors import KeyInUse, KeyReused

T = TypeVar("T")

KEPT_FOR = timedelta(hours=24)
WAIT_MS = 800
"""Milliseconds for which a request waits for another one with its key, on PostgreSQL; on SQLite,
writes queue anyway."""


class StoredResponse(NamedTuple):
    """The response to a write, stored to be sent again."""

    status: int
    headers: dict[str, str]
    body: bytes


ANONYMOUS_CALLER = ""
"""The caller of requests without an account: they share one space of keys."""


keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", String(64), nullable=False),
    Column("key", String(255), nullable=False),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # Null only within the transaction that makes them.
    Column("status", Integer),
    Column("headers", JSON(none_as_null=True)),
    Column("body", LargeBinary),
    PrimaryKeyConstraint("caller", "key"),
)
Index(None, keys.c.created_at)

BY_KEY = (keys.c.caller == bindparam("_caller")) & (keys.c.key == bindparam("_key"))
FIND = select(keys.c.fingerprint, keys.c.status, keys.c.headers, keys.c.body).where(BY_KEY)
KEEP = update(keys).where(BY_KEY)
# In portions, so that other writers don't wait long; rows that another process deletes are skipped.
DELETED_AT_ONCE = 500
EXPIRED = (
    select(keys.c.caller, keys.c.key)
    .where(keys.c.created_at < bindparam("before", type_=UtcDateTime))
    .order_by(keys.c.created_at)
    .limit(DELETED_AT_ONCE)
    .with_for_update(skip_locked=True)
)
OF_USER = (
    select(keys.c.caller, keys.c.key)
    .where(keys.c.caller == bindparam("_caller"))
    .limit(DELETED_AT_ONCE)
)
DELETE_EXPIRED, DELETE_OF_USER = (
    delete(keys).where(tuple_(keys.c.caller, keys.c.key).in_(portion))
    for portion in (EXPIRED, OF_USER)
)


def _claim_statement(insert: Any) -> Any:
    """Take the key, or take it over from an expired request."""
    statement = insert(keys)
    return statement.on_conflict_do_update(
        index_elements=[keys.c.caller, keys.c.key],
        set_={name: statement.excluded[name] for name in ("fingerprint", "created_at", "status")},
        where=keys.c.created_at < bindparam("before", type_=UtcDateTime),
    ).returning(keys.c.key)


CLAIM = {
    "sqlite": _claim_statement(sqlite_insert),
    "postgresql": _claim_statement(postgresql_insert),
}


def run_once(
    connection: Connection,
    viewer: Viewer,
    key: str,
    fingerprints: Sequence[bytes],
    function: Callable[[Connection, Viewer], T],
    render: Callable[[T], StoredResponse],
) -> T | StoredResponse:
    """Return the result of `function` and store its response, or return the response that is stored
    for the viewer's `key`. `fingerprints`: the hashes that the request may have been stored with,
    first the one to store now.

    If `function` raises an error, the key is released. Raises KeyReused, and KeyInUse if another
    transaction holds the key for too long.
    """
    now = datetime.now(UTC)
    caller = ANONYMOUS_CALLER if viewer.user_id is None else viewer.user_id.hex
    params = {"_caller": caller, "_key": key}
    before = now - KEPT_FOR
    claim = {"caller": caller, "key": key, "fingerprint": fingerprints[0], "created_at": now}
    if not _claim(connection, {**claim, "before": before}):
        return _stored_response(connection, fingerprints, params)
    result = function(connection, viewer)
    connection.execute(KEEP.values(**render(result)._asdict()), params)
    return result


def delete_expired_responses(connection: Connection) -> int:
    """Delete a portion of the expired responses. Return how many."""
    before = datetime.now(UTC) - KEPT_FOR
    return connection.execute(DELETE_EXPIRED, {"before": before}).rowcount


def delete_responses_of(connection: Connection, user_id: UUID) -> bool:
    """Delete a portion of the responses stored for a user. Return whether that was all."""
    deleted = connection.execute(DELETE_OF_USER, {"_caller": user_id.hex}).rowcount
    return deleted < DELETED_AT_ONCE


def _claim(connection: Connection, row: dict[str, Any]) -> bool:
    """Return whether this request has the key; PostgreSQL waits for a transaction that holds it."""
    postgresql = connection.dialect.name == "postgresql"
    try:
        if postgresql:
            connection.execute(text(f"SET LOCAL lock_timeout = {WAIT_MS}"))
        claimed = connection.execute(CLAIM[connection.dialect.name], row).one_or_none()
        if postgresql:
            connection.execute(text("SET LOCAL lock_timeout = 0"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            raise KeyInUse from error
        raise
    return claimed is not None


def _stored_response(
    connection: Connection, fingerprints: Sequence[bytes], params: dict[str, str]
) -> StoredResponse:
    row = connection.execute(FIND, params).one_or_none()
    if row is None:  # it has just been deleted
        raise KeyInUse
    if row.fingerprint not in fingerprints:
        raise KeyReused
    return StoredResponse(row.status, row.headers, row.body)
