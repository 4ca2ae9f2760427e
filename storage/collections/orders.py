"""The orders that indexes have, and places in them."""

import operator
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Row,
    UnaryExpression,
    any_,
    literal,
    tuple_,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Position(NamedTuple):
    """A place in a list: what the list is sorted by, and the id, of the last row so far."""

    value: datetime | str
    id: UUID


class Sort(NamedTuple):
    """By the column `by` and, where that is the same, by the column `id`."""

    by: str
    descending: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """From a column's name, with a minus before it for the other direction."""
        return cls(text.removeprefix("-"), text.startswith("-"))

    def order(self, *columns: ColumnElement[Any]) -> tuple[UnaryExpression[Any], ...]:
        return tuple(column.desc() if self.descending else column.asc() for column in columns)

    def position_of(self, row: Row[Any]) -> Position:
        return Position(getattr(row, self.by), row.id)


class Bound(NamedTuple):
    """Rows above or below a place; without an id, all with that value are outside."""

    above: bool
    value: datetime | str | BindParameter[Any]
    id: UUID | BindParameter[Any] | None = None

    def holds(self, by: ColumnElement[Any], id_: ColumnElement[Any]) -> ColumnElement[bool]:
        return self._compare(operator.gt if self.above else operator.lt, by, id_)

    def fails(self, by: ColumnElement[Any], id_: ColumnElement[Any]) -> ColumnElement[bool]:
        return self._compare(operator.le if self.above else operator.ge, by, id_)

    def _compare(
        self, compare: Any, by: ColumnElement[Any], id_: ColumnElement[Any]
    ) -> ColumnElement[bool]:
        if self.id is None:
            return compare(by, self.value)  # type: ignore[no-any-return]  # operators have no overloads
        place = tuple_(self.value, self.id, types=[by.type, id_.type])
        return compare(tuple_(by, id_), place)  # type: ignore[no-any-return]  # as above


class Pinned(FunctionElement[bool]):
    """`Pinned(column, value)`: they are equal, and yet it makes a difference to go by the column.

    PostgreSQL leaves a column out of an order where that is always the same. Then it rather goes
    along all rows, as if those asked for were evenly spread among them, and reads them all where
    only old ones are asked for. What is one of several values keeps it to the index that begins
    with the column; that there is but one value it doesn't notice.
    """

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], value: Any) -> None:
        if not isinstance(value, BindParameter):
            value = literal(value, column.type)
        super().__init__(column, value)

    def self_group(self, against: object = None) -> Self:
        return self  # SQLite would else get `= 1` behind it, and look for no index


@compiles(Pinned)
def _equal(pinned: Pinned, compiler: SQLCompiler, **options: Any) -> str:
    column, value = pinned.clauses
    return compiler.process(column == value, **options)


@compiles(Pinned, "postgresql")
def _one_of(pinned: Pinned, compiler: SQLCompiler, **options: Any) -> str:
    column, value = pinned.clauses
    return compiler.process(column == any_(array([value])), **options)


class ByColumns(NamedTuple):
    """The entries of an index that have these values in the columns `behind` which they begin with;
    in the order of what follows there, `by` and `id`."""

    by: ColumnElement[Any]
    id: ColumnElement[Any]
    behind: Sequence[tuple[ColumnElement[Any], Any]] = ()

    def order(self, sort: Sort) -> tuple[UnaryExpression[Any], ...]:
        return sort.order(*(column for column, _ in self.behind[:1]), self.by, self.id)

    def within(self, bounds: Iterable[Bound]) -> list[ColumnElement[bool]]:
        pinned = [Pinned(column, value) for column, value in self.behind[:1]]
        equal = [column == value for column, value in self.behind[1:]]
        return [*pinned, *equal, *(bound.holds(self.by, self.id) for bound in bounds)]
