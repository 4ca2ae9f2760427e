"""The rows that pass one filter of a query: as a test of a row, and as the entries of an index
that contains all of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    Table,
    UnaryExpression,
    and_,
    func,
    select,
)

from storage.collections.full_text import Columns, FullText
from storage.collections.orders import Bound, ByColumns, Sort
from storage.collections.viewers import Viewer

NEWEST_FIRST = Sort("created_at", descending=True)
OLDEST_FIRST = Sort("created_at", descending=False)
MAX_NUMBER = 2**63 - 1


class Lookup(NamedTuple):
    """Where a filter is applied."""

    table: Table
    viewer: Viewer
    dialect: FullText


class ByNumber(NamedTuple):
    """Entries of an index that has only the rows' numbers, in the order of creation."""

    table: Table
    number: ColumnElement[int]
    where: ColumnElement[bool]

    def order(self, sort: Sort) -> tuple[UnaryExpression[Any], ...]:
        return sort.order(self.number)

    def conditions(self, bounds: Iterable[Bound]) -> list[ColumnElement[bool]]:
        return [self.where, *map(self._limit, bounds)]

    def _limit(self, bound: Bound) -> ColumnElement[bool]:
        if bound.above:
            return self.number > func.coalesce(self._last_outside(bound, NEWEST_FIRST), 0)
        return self.number < func.coalesce(self._last_outside(bound, OLDEST_FIRST), MAX_NUMBER)

    def _last_outside(self, bound: Bound, sort: Sort) -> ScalarSelect[int]:
        place = self.table.c.created_at, self.table.c.id
        nearest = select(self.table.c.seq).where(bound.fails(*place)).order_by(*sort.order(*place))
        return nearest.limit(1).scalar_subquery()


Place = ByColumns | ByNumber
Test = Callable[[Columns], ColumnElement[bool]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Matching:
    """The rows that pass one filter of a query.

    `test` judges a row that the viewer owns. `index`, filtered by `where`, contains every match; if
    not `exact`, also false positives that `test` removes. `key` of an entry is `target` of its row.
    `creation` reads the same entries in the order of creation, where the index has that.
    """

    test: Test
    index: FromClause
    where: ColumnElement[bool]
    key: ColumnElement[Any]
    target: Column[Any]
    creation: Place | None = None
    exact: bool = True

    def entries(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Those of the index; in its order, where it has one, which keeps the planner to it."""
        entries = select(*columns).select_from(self.index)
        if self.creation is None:
            return entries.where(self.where)
        conditions = self.creation.conditions([])
        return entries.where(*conditions).order_by(*self.creation.order(OLDEST_FIRST))

    def membership(self) -> ColumnElement[bool]:
        """Of rows as a set; the database is free to choose where to begin."""
        table = self.target.table
        if self.index is table:
            return self.test(table.c)
        among = self.target.in_(select(self.key).where(self.where))
        return among if self.exact else among & self.test(table.c)


def matching_rows(at: Lookup, test: Test, creation: Place | None = None) -> Matching:
    """The rows of the table itself that pass `test`."""
    return Matching(
        test=test,
        index=at.table,
        where=test(at.table.c) & at.viewer.owns(at.table.c.owner_id),
        key=at.table.c.seq,
        target=at.table.c.seq,
        creation=creation,
    )


def bounded_rows(column: str, bounds: Iterable[Bound], at: Lookup) -> Matching:
    """The rows whose column is within all of `bounds`."""

    def test(row: Columns) -> ColumnElement[bool]:
        return and_(*(bound.holds(row[column], row.id) for bound in bounds))

    return matching_rows(at, test)
