"""Lists by keyset: a page starts behind a place, not after a count.

So it costs the same wherever it is, and rows that come or go leave no gap and no double.
"""

import operator
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Table,
    UnaryExpression,
    bindparam,
    literal,
    select,
    tuple_,
)


class Position(NamedTuple):
    """A place in a list: what the list is sorted by, and the id, of the last row so far."""

    value: datetime | str
    id: UUID


class Page(NamedTuple):
    """Some rows, and where the next page starts (None: there is none)."""

    rows: list[Row[Any]]
    next: Position | None


class Sort(NamedTuple):
    """By the column `by` and, where that is the same, by the column `id`."""

    by: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """From a column's name, with a minus before it for the other direction."""
        return cls(text.removeprefix("-"), text.startswith("-"))

    def order(
        self, by: ColumnElement[Any], id_: ColumnElement[Any]
    ) -> tuple[UnaryExpression[Any], UnaryExpression[Any]]:
        if self.descending:
            return by.desc(), id_.desc()
        return by.asc(), id_.asc()

    def position_of(self, row: Row[Any]) -> Position:
        return Position(getattr(row, self.by), row.id)


class Bound(NamedTuple):
    """Rows above or below a place; without an id, all with that value are outside."""

    above: bool
    value: datetime | str
    id: UUID | None = None

    def holds(self, by: ColumnElement[Any], id_: ColumnElement[Any]) -> ColumnElement[bool]:
        return self._compare(operator.gt if self.above else operator.lt, by, id_)

    def fails(self, by: ColumnElement[Any], id_: ColumnElement[Any]) -> ColumnElement[bool]:
        return self._compare(operator.le if self.above else operator.ge, by, id_)

    def _compare(
        self, compare: Any, by: ColumnElement[Any], id_: ColumnElement[Any]
    ) -> ColumnElement[bool]:
        value = literal(self.value, by.type)
        if self.id is None:
            return compare(by, value)  # type: ignore[no-any-return]  # operators have no overloads
        return compare(tuple_(by, id_), tuple_(value, literal(self.id, id_.type)))  # type: ignore[no-any-return]  # as above


class Keyset:
    """A whole table, sorted; it needs an index over the column of `sort` and `id`."""

    def __init__(
        self, table: Table, columns: Sequence[Column[Any]], sort: str = "-created_at"
    ) -> None:
        self._sort = Sort.parse(sort)
        by, id_ = table.c[self._sort.by], table.c.id
        compare = operator.lt if self._sort.descending else operator.gt
        self._first = select(*columns).order_by(*self._sort.order(by, id_)).limit(bindparam("n"))
        self._later = self._first.where(
            compare(
                tuple_(by, id_),
                tuple_(bindparam("value", type_=by.type), bindparam("id", type_=id_.type)),
            )
        )

    def page(self, connection: Connection, *, limit: int, after: Position | None) -> Page:
        """At most `limit` rows from behind `after` on, or from the start."""
        statement = self._first if after is None else self._later
        position = {} if after is None else after._asdict()
        # One row more tells whether there is a next page.
        rows = list(connection.execute(statement, {"n": limit + 1, **position}))
        more = len(rows) > limit
        page = rows[:limit]
        return Page(page, self._sort.position_of(page[-1]) if more else None)
