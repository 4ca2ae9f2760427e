"""Rows at their creation: the moment, and the number that SQLite gives a row.

SQLite's full-text index knows the rows by their numbers alone, so these have to be in the order of
creation, also after the clock was set back. Each is the row's `created_at` in microseconds.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from sqlite3 import SQLITE_CONSTRAINT_PRIMARYKEY
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, bindparam, exists, insert, select
from sqlalchemy.exc import IntegrityError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def created(moment: datetime) -> dict[str, datetime]:
    """The columns of a row that is created at this moment."""
    return {"created_at": moment, "updated_at": moment}


class Creation:
    """The statements that insert rows of one table, `columns` of which are returned."""

    def __init__(self, table: Table, columns: Sequence[Column[Any]]) -> None:
        self._insert = insert(table).returning(*columns)
        taken, following = table.alias(), table.alias()
        is_last = ~exists().where(following.c.seq == taken.c.seq + 1)
        last = select(taken.c.seq + 1).where(taken.c.seq >= bindparam("number"), is_last)
        self._next_free = last.order_by(taken.c.seq).limit(1)

    def insert(self, connection: Connection, row: dict[str, Any]) -> Row[Any]:
        """Insert a row that is created now."""
        now = datetime.now(UTC)
        if connection.dialect.name != "sqlite":
            return connection.execute(self._insert, {**row, **created(now)}).one()
        number = (now - EPOCH) // MICROSECOND
        try:
            return self._numbered(connection, row, number)
        except IntegrityError as error:
            if getattr(error.orig, "sqlite_errorcode", None) != SQLITE_CONSTRAINT_PRIMARYKEY:
                raise
        # The clock was set back, and has shown this microsecond before.
        number = connection.execute(self._next_free, {"number": number}).scalar_one()
        return self._numbered(connection, row, number)

    def _numbered(self, connection: Connection, row: dict[str, Any], number: int) -> Row[Any]:
        values = {**row, **created(EPOCH + number * MICROSECOND), "seq": number}
        return connection.execute(self._insert, values).one()
