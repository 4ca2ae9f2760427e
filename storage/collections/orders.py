"""The orders that indexes have, and places in them."""

import operator
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Row,
    UnaryExpression,
    any_,
    false,
    tuple_,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class Position(NamedTuple):
    """A place in a list: the sort column's value and the id of the last row so far."""

    value: Any
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


class Page(NamedTuple):
    """Some rows, and where the next page starts (None: there is none).

    It starts after a place, not after a count. So it costs the same wherever it is, and rows that
    come or go leave no gap and no double.
    """

    rows: Sequence[Row[Any]]
    next: Position | None

    @classmethod
    def of(cls, rows: Sequence[Row[Any]], limit: int, sort: Sort) -> Self:
        """The first `limit` of `rows`, of which one more was read to know whether more follow."""
        page = rows[:limit]
        return cls(page, sort.position_of(page[-1]) if len(rows) > limit else None)


class Bound(NamedTuple):
    """Rows above or below a value; the value itself is outside unless the bound is `inclusive`.

    With an id it is a place: of the rows with that value, those above or below that id are inside.
    Without a value it is one among the nulls.
    """

    above: bool
    value: BindParameter[Any] | None
    id: BindParameter[Any] | None = None
    inclusive: bool = False

    def holds(self, by: ColumnElement[Any], id_: ColumnElement[Any]) -> ColumnElement[bool]:
        return self._compare(self._operator(self.above, equal=self.inclusive), by, id_)

    def fails(self, by: ColumnElement[Any], id_: ColumnElement[Any]) -> ColumnElement[bool]:
        return self._compare(self._operator(not self.above, equal=not self.inclusive), by, id_)

    def _operator(self, above: bool, *, equal: bool) -> Any:
        if above:
            return operator.ge if equal else operator.gt
        return operator.le if equal else operator.lt

    def _compare(
        self, compare: Any, by: ColumnElement[Any], id_: ColumnElement[Any]
    ) -> ColumnElement[bool]:
        if self.id is None:
            return compare(by, self.value)  # type: ignore[no-any-return]  # operators have no overloads
        place = tuple_(self.value, self.id, types=[by.type, id_.type])
        return compare(tuple_(by, id_), place)  # type: ignore[no-any-return]  # as above


class Pinned(FunctionElement[bool]):
    """`Pinned(column, value)`: `column = value`, in a form that keeps the column in the order.

    PostgreSQL drops an ORDER BY column that is compared with a constant and may then scan another
    index. `= ANY(ARRAY[…])` prevents that.
    """

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], value: BindParameter[Any]) -> None:
        super().__init__(column, value)

    def self_group(self, against: object = None) -> Self:
        return self  # otherwise SQLite would get `= 1` after it, and use no index


@compiles(Pinned)
def _equal(pinned: Pinned, compiler: SQLCompiler, **options: Any) -> str:
    column, value = pinned.clauses
    return compiler.process(column == value, **options)


@compiles(Pinned, "postgresql")
def _one_of(pinned: Pinned, compiler: SQLCompiler, **options: Any) -> str:
    column, value = pinned.clauses
    return compiler.process(column == any_(array([value])), **options)


class ByColumns(NamedTuple):
    """The entries of an index that begins with the columns of `prefix`, those with these values;
    in the order of what follows there, `by` and `id`.

    A column that can be null has two such runs: `nulls` says which. In a list the nulls come last.
    """

    by: ColumnElement[Any]
    id: ColumnElement[Any]
    prefix: Sequence[tuple[ColumnElement[Any], BindParameter[Any]]] = ()
    nulls: bool | None = None

    def order(self, sort: Sort) -> tuple[UnaryExpression[Any], ...]:
        # Among the nulls `by` orders nothing, but only so does PostgreSQL recognize the index.
        return sort.order(*(column for column, _ in self.prefix[:1]), self.by, self.id)

    def conditions(self, bounds: Iterable[Bound]) -> list[ColumnElement[bool]]:
        pinned = [Pinned(column, value) for column, value in self.prefix[:1]]
        equal = [column == value for column, value in self.prefix[1:]]
        if self.nulls:
            # A null is neither above nor below a value, so only places among the nulls are bounds.
            inside = [self._beyond(bound) for bound in bounds]
            return [*pinned, *equal, self.by.is_(None), *inside]
        not_null = [] if self.nulls is None else [self.by.is_not(None)]
        return [*pinned, *equal, *not_null, *(bound.holds(self.by, self.id) for bound in bounds)]

    def _beyond(self, bound: Bound) -> ColumnElement[bool]:
        if bound.value is not None or bound.id is None:
            return false()
        return self.id > bound.id if bound.above else self.id < bound.id
