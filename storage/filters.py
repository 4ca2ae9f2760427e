"""What can be asked of a list of items: each filter as a test of one row, and as the entries of an
index that has all the rows that pass it."""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    ScalarSelect,
    func,
    literal,
    select,
    tuple_,
)

from storage.item_tables import item_tags, items
from storage.pages import Bound, Sort
from storage.search import Columns, FullText, SqliteSearch
from storage.viewers import Viewer
from storage.words import Search, search_of

Test = Callable[[Columns], ColumnElement[bool]]
NEWEST_FIRST = Sort("created_at", descending=True)
OLDEST_FIRST = Sort("created_at", descending=False)
LARGEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which items, and in which order. Times are exclusive; no filter lets everything pass."""

    sort: str = "-created_at"
    statuses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    search: str = ""


class ByColumns(NamedTuple):
    """The order of an index that has what it is sorted by, and the id."""

    by: ColumnElement[Any]
    id: ColumnElement[Any]

    def order(self, sort: Sort) -> tuple[ColumnElement[Any], ...]:
        return sort.order(self.by, self.id)

    def within(self, bound: Bound) -> ColumnElement[bool]:
        return bound.holds(self.by, self.id)


class ByStatus(NamedTuple):
    """The order of creation among the items of one status, in a way that only the index with the
    status in front has. PostgreSQL would else go along all items, as if the status were evenly
    spread, and read them all where only old ones have it."""

    status: str

    def order(self, sort: Sort) -> tuple[ColumnElement[Any], ...]:
        status = items.c.status
        first = status.desc() if sort.descending else status.asc()
        return (first, *sort.order(items.c.created_at, items.c.id))

    def within(self, bound: Bound) -> ColumnElement[bool]:
        compare = operator.gt if bound.above else operator.lt
        columns = [items.c.status, items.c.created_at, items.c.id]
        values = [self.status, bound.value, bound.id][: 2 if bound.id is None else 3]
        place = [literal(v, c.type) for v, c in zip(values, columns, strict=False)]
        inside: ColumnElement[bool] = compare(tuple_(*columns[: len(place)]), tuple_(*place))
        return inside


class ByNumber(NamedTuple):
    """The order of creation in an index that has only the items' numbers."""

    number: ColumnElement[int]

    def order(self, sort: Sort) -> tuple[ColumnElement[Any], ...]:
        return (self.number.desc() if sort.descending else self.number.asc(),)

    def within(self, bound: Bound) -> ColumnElement[bool]:
        if bound.above:
            return self.number > func.coalesce(self._last_outside(bound, NEWEST_FIRST), 0)
        return self.number < func.coalesce(self._last_outside(bound, OLDEST_FIRST), LARGEST)

    def _last_outside(self, bound: Bound, sort: Sort) -> ScalarSelect[int]:
        place = items.c.created_at, items.c.id
        nearest = select(items.c.seq).where(bound.fails(*place)).order_by(*sort.order(*place))
        return nearest.limit(1).scalar_subquery()


Place = ByColumns | ByStatus | ByNumber


@dataclass(frozen=True, kw_only=True, eq=False)
class Filter:
    """`test` judges a row of items. The entries of `index` with `where` are those of all the rows
    that pass, and perhaps (not `exact`) of some more; `key` of an entry is `target` of its item.
    By `creation` the index can be read in the order of creation."""

    test: Test
    index: FromClause
    where: ColumnElement[bool]
    key: ColumnElement[Any]
    target: Column[Any]
    creation: Place | None
    exact: bool = True

    def membership(self) -> ColumnElement[bool]:
        """Of items as a set; the database is free to choose where to begin."""
        if self.index is items:
            return self.test(items.c)
        among = self.target.in_(select(self.key).where(self.where))
        return among if self.exact else among & self.test(items.c)


def bounds_of(wanted: Wanted, by: str) -> list[Bound]:
    """The times that bound `by`."""
    times = {
        "created_at": [(True, wanted.created_after), (False, wanted.created_before)],
        "updated_at": [(True, wanted.updated_after)],
    }
    return [Bound(above, time) for above, time in times.get(by, []) if time is not None]


def filters_of(wanted: Wanted, viewer: Viewer, dialect: FullText, *, but: str = "") -> list[Filter]:
    """Every filter, but for the times that bound the column `but`."""
    filters = [] if viewer.sees_all else [_owned(viewer)]
    filters += [_tagged(tag) for tag in wanted.tags]
    if wanted.statuses:
        filters.append(_with_status(wanted.statuses))
    search = search_of(wanted.search)
    if search:
        filters.append(_found(search, dialect))
    return [*filters, *(_bounded(wanted, by) for by in _bounded_columns(wanted) if by != but)]


def _bounded_columns(wanted: Wanted) -> Iterator[str]:
    return (by for by in ("created_at", "updated_at") if bounds_of(wanted, by))


def _owned(viewer: Viewer) -> Filter:
    return _of_items(lambda row: row.owner_id == viewer.user_id, None)


def _tagged(tag: str) -> Filter:
    def test(row: Columns) -> ColumnElement[bool]:
        # A count, since the planner may turn EXISTS into a scan of all that have the tag.
        entry = item_tags.c.tag == tag, item_tags.c.created_at == row.created_at
        entries = select(func.count()).where(*entry, item_tags.c.item_id == row.id)
        return entries.correlate_except(item_tags).scalar_subquery() > 0

    return Filter(
        test=test,
        index=item_tags,
        where=item_tags.c.tag == tag,
        key=item_tags.c.item_id,
        target=items.c.id,
        creation=ByColumns(item_tags.c.created_at, item_tags.c.item_id),
    )


def _with_status(statuses: tuple[str, ...]) -> Filter:
    def test(row: Columns) -> ColumnElement[bool]:
        status: ColumnElement[str] = row["status"]
        return status.in_(statuses)

    if len(statuses) > 1:
        return _of_items(test, None)
    [status] = statuses
    where = items.c.status.between(status, status)
    return replace(_of_items(test, ByStatus(status)), where=where)


def _bounded(wanted: Wanted, by: str) -> Filter:
    bounds = bounds_of(wanted, by)

    def test(row: Columns) -> ColumnElement[bool]:
        conditions = [bound.holds(row[by], row.id) for bound in bounds]
        return conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]

    return _of_items(test, None)


def _found(search: Search, dialect: FullText) -> Filter:
    def test(row: Columns) -> ColumnElement[bool]:
        return dialect.test(row, search)

    if not isinstance(dialect, SqliteSearch):
        return _of_items(test, None)
    rowid = dialect.entries.c.rowid
    return Filter(
        test=test,
        index=dialect.entries,
        where=dialect.matches(search),
        key=rowid,
        target=items.c.seq,
        creation=ByNumber(rowid),
        exact=dialect.is_exact(search),
    )


def _of_items(test: Test, creation: ByStatus | None) -> Filter:
    return Filter(
        test=test,
        index=items,
        where=test(items.c),
        key=items.c.seq,
        target=items.c.seq,
        creation=creation,
    )
