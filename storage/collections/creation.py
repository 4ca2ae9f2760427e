"""The creation of rows: their numbers, and how many of them a user may have.

SQLite's full-text index knows the rows by their numbers alone, so these have to be in the order of
creation, also after the clock was set back. Each is the row's `created_at` in microseconds.

The number of a user's rows is kept without counting them for each create. `at_most` is never less
than it: what creates a row adds one in the same transaction, and holds the row of `quotas` until it
ends, so that concurrent creates can't exceed the quota. Deletions take nothing off. When `at_most`
meets the quota, the rows are counted again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from sqlite3 import SQLITE_CONSTRAINT_PRIMARYKEY
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Uuid,
    bindparam,
    column,
    exists,
    func,
    insert,
    literal,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import IntegrityError

from storage.column_types import metadata
from storage.errors import QuotaExceeded, SignedOut

UNLIMITED = 2**31 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

quotas = Table(
    "quotas",
    metadata,
    Column("owner_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("collection", String(63), primary_key=True),
    Column("at_most", Integer, nullable=False),
)

users = table("users", column("id", Uuid))
"""The id column of `users`; declared here because collections can't import accounts."""

OWNER_ID = bindparam("_owner_id", type_=Uuid)


class Creation:
    """The statements that create rows of one table, `columns` of which are returned."""

    def __init__(self, of: Table, columns: Sequence[Column[Any]]) -> None:
        self._name = of.name
        self._insert = insert(of).returning(*columns)
        taken, following = of.alias(), of.alias()
        is_last = ~exists().where(following.c.seq == taken.c.seq + 1)
        last = select(taken.c.seq + 1).where(taken.c.seq >= bindparam("number"), is_last)
        self._next_free = last.order_by(taken.c.seq).limit(1)
        self._reserve = self._one_more(sqlite_insert).returning(quotas.c.owner_id)
        room = self._one_more(postgresql_insert).returning(quotas.c.owner_id).cte("room")
        values = [column for column in of.c if column.name not in {"seq", "owner_id"}]
        self._reserve_and_insert = (
            insert(of)
            .from_select(
                [*values, of.c.owner_id],
                # Not by their columns' names, which SQLAlchemy would take for values to insert.
                select(*(bindparam(f"_{c.name}", type_=c.type) for c in values), room.c.owner_id),
            )
            .returning(*columns)
        )
        # Waits for creates that are under way; those that come later wait for this transaction.
        own = (quotas.c.owner_id == OWNER_ID) & (quotas.c.collection == of.name)
        self._lock = select(quotas.c.at_most).where(own).with_for_update()
        owned = select(literal(1)).where(of.c.owner_id == bindparam("_owner_id"))
        counted = owned.limit(bindparam("_quota")).subquery()
        self._count = select(func.count()).select_from(counted)
        self._reset = update(quotas).where(own).values(at_most=bindparam("_number"))

    def _one_more(self, upsert: Any) -> Any:
        """Add one to `at_most`; nothing where it has met the quota or the user is gone.

        The user is locked first, as a deletion of the user does.
        """
        owner = select(users.c.id, literal(self._name), literal(1)).where(users.c.id == OWNER_ID)
        # SQLite takes ON CONFLICT for a join's unless there is a WHERE, and has no locks of rows.
        statement = upsert(quotas).from_select(
            ["owner_id", "collection", "at_most"], owner.with_for_update(read=True, key_share=True)
        )
        return statement.on_conflict_do_update(
            index_elements=[quotas.c.owner_id, quotas.c.collection],
            set_={"at_most": quotas.c.at_most + 1},
            where=quotas.c.at_most < bindparam("_quota", type_=Integer),
        )

    def insert(
        self, connection: Connection, row: dict[str, Any], user_id: UUID | None, quota: int | None
    ) -> Row[Any]:
        """Insert a row that is created now, and owned by this user, who may have `quota`.

        Raises QuotaExceeded, and SignedOut where the user has been deleted.
        """
        row["owner_id"] = user_id
        owner = {"_owner_id": user_id, "_quota": UNLIMITED if quota is None else quota}
        now = datetime.now(UTC)
        if connection.dialect.name == "sqlite":
            if user_id and connection.execute(self._reserve, owner).one_or_none() is None:
                self._reserve_after_count(connection, owner)
            return self._insert_numbered(connection, row, (now - EPOCH) // MICROSECOND)
        row["created_at"] = row["updated_at"] = now
        if user_id:  # in one statement, which needs no transaction
            params = owner | {f"_{name}": value for name, value in row.items()}
            inserted: Row[Any] | None = connection.execute(
                self._reserve_and_insert, params
            ).one_or_none()
            if inserted is not None:
                return inserted
            self._reserve_after_count(connection, owner)
        return connection.execute(self._insert, row).one()

    def _reserve_after_count(self, connection: Connection, owner: dict[str, Any]) -> None:
        """Set `at_most` to one more than the user has: some rows may have been deleted."""
        if connection.execute(self._lock, owner).one_or_none() is None:
            raise SignedOut
        # A statement of its own: it sees what was committed while the lock was waited for.
        number = connection.execute(self._count, owner).scalar_one()
        if number >= owner["_quota"]:
            raise QuotaExceeded(owner["_quota"], self._name)
        connection.execute(self._reset, owner | {"_number": number + 1})

    def _insert_numbered(
        self, connection: Connection, row: dict[str, Any], number: int
    ) -> Row[Any]:
        row["created_at"] = row["updated_at"] = EPOCH + number * MICROSECOND
        try:
            return connection.execute(self._insert, {**row, "seq": number}).one()
        except IntegrityError as error:
            if getattr(error.orig, "sqlite_errorcode", None) != SQLITE_CONSTRAINT_PRIMARYKEY:
                raise
        # The clock was set back, and has shown this microsecond before.
        free = connection.execute(self._next_free, {"number": number}).scalar_one()
        return self._insert_numbered(connection, row, free)
