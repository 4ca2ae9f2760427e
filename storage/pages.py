"""Lists by keyset: a page starts behind a place, not after a count.

So it costs the same wherever it is, and items that come or go leave no gap and no double.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Column, Connection, Row, Table, bindparam, select, tuple_


class Position(NamedTuple):
    """A place in a list: that of the last row so far."""

    created_at: datetime
    id: UUID


class Page(NamedTuple):
    """Some rows, and where the next page starts (None: there is none)."""

    rows: list[Row[Any]]
    next: Position | None


class NewestFirst:
    """The list of a table with the columns `created_at` and `id`, and an index over the two."""

    def __init__(self, table: Table, columns: Sequence[Column[Any]]) -> None:
        created_at, id_ = table.c.created_at, table.c.id
        self._first = (
            select(*columns).order_by(created_at.desc(), id_.desc()).limit(bindparam("limit"))
        )
        self._later = self._first.where(
            tuple_(created_at, id_)
            < tuple_(
                bindparam("created_at", type_=created_at.type), bindparam("id", type_=id_.type)
            )
        )

    def page(self, connection: Connection, *, limit: int, after: Position | None) -> Page:
        """At most `limit` rows from behind `after` on, or from the start."""
        statement = self._first if after is None else self._later
        position = {} if after is None else after._asdict()
        # One row more tells whether there is a next page.
        rows = list(connection.execute(statement, {"limit": limit + 1, **position}))
        page = rows[:limit]
        more = len(rows) > limit
        return Page(page, Position(page[-1].created_at, page[-1].id) if more else None)
