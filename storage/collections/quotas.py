"""How many rows of a collection a user may have, kept without counting them for each create.

`at_most` is never less than they have: what creates a row adds one in the same transaction, and
holds the number's row until it ends, so that concurrent creates can't exceed the quota. Deletions
take nothing off. When the number meets the quota, the rows are counted again.
"""

from collections.abc import Sequence
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
    func,
    insert,
    literal,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from storage.column_types import metadata
from storage.errors import QuotaExceeded, SignedOut

UNLIMITED = 2**31 - 1

quotas = Table(
    "quotas",
    metadata,
    Column("owner_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("collection", String(63), primary_key=True),
    Column("at_most", Integer, nullable=False),
)

users = table("users", column("id", Uuid))
"""The owners, as far as they matter here."""

IS_OWNER = users.c.id == bindparam("_owner_id", type_=Uuid)


class Quota:
    """The statements for the rows of one table, `columns` of which are returned."""

    def __init__(self, of: Table, columns: Sequence[Column[Any]]) -> None:
        self._name = of.name
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
        own = (quotas.c.owner_id == bindparam("_owner_id", type_=Uuid)) & (
            quotas.c.collection == of.name
        )
        self._lock = select(quotas.c.at_most).where(own).with_for_update()
        owned = select(literal(1)).where(of.c.owner_id == bindparam("_owner_id"))
        counted = owned.limit(bindparam("_quota")).subquery()
        self._count = select(func.count()).select_from(counted)
        self._reset = update(quotas).where(own).values(at_most=bindparam("_number"))

    def _one_more(self, upsert: Any) -> Any:
        """Add one to the number; nothing where it has met the quota or the user is gone.

        The user is locked first, as a deletion of the user does.
        """
        owner = select(users.c.id, literal(self._name), literal(1)).where(IS_OWNER)
        # SQLite takes ON CONFLICT for a join's unless there is a WHERE, and has no locks of rows.
        statement = upsert(quotas).from_select(
            ["owner_id", "collection", "at_most"], owner.with_for_update(read=True, key_share=True)
        )
        return statement.on_conflict_do_update(
            index_elements=[quotas.c.owner_id, quotas.c.collection],
            set_={"at_most": quotas.c.at_most + 1},
            where=quotas.c.at_most < bindparam("_quota", type_=Integer),
        )

    def reserve(self, connection: Connection, user_id: UUID, quota: int) -> bool:
        """For SQLite: add one to what the user has at most, unless that is `quota` already."""
        params = {"_owner_id": user_id, "_quota": quota}
        return connection.execute(self._reserve, params).one_or_none() is not None

    def insert_reserved(
        self, connection: Connection, user_id: UUID, quota: int, values: dict[str, Any]
    ) -> Row[Any] | None:
        """For PostgreSQL: the same, and the row inserted."""
        params = {f"_{name}": value for name, value in values.items()}
        params |= {"_owner_id": user_id, "_quota": quota}
        row: Row[Any] | None = connection.execute(self._reserve_and_insert, params).one_or_none()
        return row

    def recount(self, connection: Connection, user_id: UUID, quota: int) -> None:
        """Find out whether the user has less than `quota` after all: some may have been deleted.

        Raises QuotaExceeded, and SignedOut where the user has been deleted.
        """
        params = {"_owner_id": user_id}
        if connection.execute(self._lock, params).one_or_none() is None:
            raise SignedOut
        # A statement of its own: it sees what was committed while the lock was waited for.
        number = connection.execute(self._count, {**params, "_quota": quota}).scalar_one()
        if number >= quota:
            raise QuotaExceeded(quota, self._name)
        connection.execute(self._reset, {**params, "_number": number})
