"""What can be asked of a list of items: each filter as a test of one row, and as the entries of an
index that has all the rows that pass it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    UnaryExpression,
    and_,
    func,
    select,
)

from storage.collections.full_text import Columns, FullText, SqliteSearch
from storage.collections.orders import Bound, ByColumns, Sort
from storage.collections.viewers import Viewer
from storage.collections.words import Search, search_of
from storage.item_tables import item_tags, items

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


class ByNumber(NamedTuple):
    """Entries of an index that has only the items' numbers, in the order of creation."""

    number: ColumnElement[int]
    where: ColumnElement[bool]

    def order(self, sort: Sort) -> tuple[UnaryExpression[Any], ...]:
        return sort.order(self.number)

    def within(self, bounds: Iterable[Bound]) -> list[ColumnElement[bool]]:
        return [self.where, *map(self._limit, bounds)]

    def _limit(self, bound: Bound) -> ColumnElement[bool]:
        if bound.above:
            return self.number > func.coalesce(self._last_outside(bound, NEWEST_FIRST), 0)
        return self.number < func.coalesce(self._last_outside(bound, OLDEST_FIRST), LARGEST)

    def _last_outside(self, bound: Bound, sort: Sort) -> ScalarSelect[int]:
        place = items.c.created_at, items.c.id
        nearest = select(items.c.seq).where(bound.fails(*place)).order_by(*sort.order(*place))
        return nearest.limit(1).scalar_subquery()


Place = ByColumns | ByNumber


@dataclass(frozen=True, kw_only=True, eq=False)
class Filter:
    """`test` judges a row of an item that the viewer owns. The entries of `index` with `where` are
    those of all of these that pass, and perhaps (not `exact`) of some more; `key` of an entry is
    `target` of its item. By `creation` the same entries are read in the order of creation."""

    test: Test
    index: FromClause
    where: ColumnElement[bool]
    key: ColumnElement[Any]
    target: Column[Any]
    creation: Place | None
    exact: bool = True

    def entries(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Those of the index; in its order, where it has one, which keeps the planner to it."""
        entries = select(*columns).select_from(self.index)
        if self.creation is None:
            return entries.where(self.where)
        within = self.creation.within([])
        return entries.where(*within).order_by(*self.creation.order(OLDEST_FIRST))

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
    filters = [_tagged(tag, viewer) for tag in wanted.tags]
    if wanted.statuses:
        filters.append(_with_status(wanted.statuses, viewer))
    search = search_of(wanted.search)
    if search:
        filters.append(_found(search, viewer, dialect))
    times = (by for by in ("created_at", "updated_at") if by != but and bounds_of(wanted, by))
    return [*filters, *(_bounded(wanted, by, viewer) for by in times)]


def _tagged(tag: str, viewer: Viewer) -> Filter:
    def test(row: Columns) -> ColumnElement[bool]:
        # A count, since the planner may turn EXISTS into a scan of all that have the tag.
        entry = item_tags.c.tag == tag, item_tags.c.created_at == row.created_at
        entries = select(func.count()).where(*entry, item_tags.c.item_id == row.id)
        return entries.correlate_except(item_tags).scalar_subquery() > 0

    behind = [*viewer.behind(item_tags.c.owner_id), (item_tags.c.tag, tag)]
    return Filter(
        test=test,
        index=item_tags,
        where=(item_tags.c.tag == tag) & viewer.owns(item_tags.c.owner_id),
        key=item_tags.c.item_id,
        target=items.c.id,
        creation=ByColumns(item_tags.c.created_at, item_tags.c.item_id, behind),
    )


def _with_status(statuses: tuple[str, ...], viewer: Viewer) -> Filter:
    def test(row: Columns) -> ColumnElement[bool]:
        status: ColumnElement[str] = row["status"]
        return status.in_(statuses)

    if len(statuses) > 1:
        return _of_items(test, viewer)
    behind = [*viewer.behind(items.c.owner_id), (items.c.status, statuses[0])]
    return _of_items(test, viewer, ByColumns(items.c.created_at, items.c.id, behind))


def _bounded(wanted: Wanted, by: str, viewer: Viewer) -> Filter:
    bounds = bounds_of(wanted, by)

    def test(row: Columns) -> ColumnElement[bool]:
        return and_(*(bound.holds(row[by], row.id) for bound in bounds))

    return _of_items(test, viewer)


def _found(search: Search, viewer: Viewer, dialect: FullText) -> Filter:
    def test(row: Columns) -> ColumnElement[bool]:
        return dialect.test(row, search)

    where = dialect.matches(items.c, search, viewer)
    if not isinstance(dialect, SqliteSearch):
        return replace(_of_items(test, viewer), where=where)
    rowid = dialect.entries.c.rowid
    return Filter(
        test=test,
        index=dialect.entries,
        where=where,
        key=rowid,
        target=items.c.seq,
        creation=ByNumber(rowid, where),
        exact=dialect.is_exact(search),
    )


def _of_items(test: Test, viewer: Viewer, creation: Place | None = None) -> Filter:
    return Filter(
        test=test,
        index=items,
        where=test(items.c) & viewer.owns(items.c.owner_id),
        key=items.c.seq,
        target=items.c.seq,
        creation=creation,
    )
