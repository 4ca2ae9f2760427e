"""Lists of items that cost the same however many items there are.

Three ways lead to a page; docs/listing.md tells which is taken when, and what it costs:

- straight: an index has the rows asked for, in the order asked for;
- gathered: some filter lets at most the budget's rows pass, which are fetched and sorted;
- scanned: at most the budget's rows in the order asked for are tested. Then a page may be short
  though more follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    true,
)

from storage.collections.filters import OLDEST_FIRST, Filter, Place, Wanted, bounds_of, filters_of
from storage.collections.full_text import SEARCH, Columns, FullText
from storage.collections.keyset import OwnedKeyset, Page
from storage.collections.orders import Bound, ByColumns, Position, Sort
from storage.collections.viewers import Viewer
from storage.item_tables import PUBLIC, items

BUDGET = 5000
"""How many rows a page costs at most, where no index has just those that are asked for."""

COUNTED = 10_000
"""Up to how many a total is exact."""

SORTS = tuple(f"{sign}{by}" for by in ("created_at", "updated_at", "name") for sign in ("", "-"))
ALL = {sort: OwnedKeyset(items, PUBLIC, sort) for sort in SORTS}
EVERYTHING = Wanted()


class Total(NamedTuple):
    """How many there are; at least that many unless it is exact."""

    number: int
    is_exact: bool


def list_items(
    connection: Connection,
    viewer: Viewer,
    *,
    limit: int,
    after: Position | None,
    wanted: Wanted = EVERYTHING,
    budget: int = BUDGET,
) -> Page:
    """At most `limit` items from behind `after` on; fewer, though more follow, where the budget
    ended first."""
    sort = Sort.parse(wanted.sort)
    dialect = SEARCH[connection.dialect.name]
    filters = filters_of(wanted, viewer, dialect, but=sort.by)
    bounds = {bound.above: bound for bound in bounds_of(wanted, sort.by)}
    if not filters and not bounds:
        return ALL[wanted.sort].page(connection, viewer, limit=limit, after=after)
    if after is not None:
        # Nearer than a time on the same side, since a row within that was there. SQLite begins at
        # either of two, and not at the nearer one.
        bounds[not sort.descending] = Bound(not sort.descending, after.value, after.id)
    listing = Listing(connection, viewer, sort, filters, [*bounds.values()], limit, budget)
    by_creation = sort.by == "created_at"
    if not filters or (len(filters) == 1 and by_creation and filters[0].creation):
        return listing.walk(filters[0] if filters else None)
    ranked = rank(connection, filters, budget)
    if ranked[0][0] <= budget:
        return listing.gather(ranked[0][1])
    ordered = [found for _, found in ranked if by_creation and found.creation]
    return listing.walk(ordered[0] if ordered else None)


def count_items(connection: Connection, viewer: Viewer, wanted: Wanted) -> Total:
    """How many items there are, counted up to COUNTED."""
    dialect = SEARCH[connection.dialect.name]
    filters = filters_of(wanted, viewer, dialect)
    some = select(literal(1)).select_from(items)
    if not filters:
        place = own(viewer, "created_at")
        some = some.where(*place.within([])).order_by(*place.order(OLDEST_FIRST))
    elif len(filters) == 1 and filters[0].exact:
        some = filters[0].entries(literal(1))
    else:
        (fewest, rarest), *_ = rank(connection, filters, BUDGET)
        if fewest <= BUDGET:
            entries = rarest.entries(rarest.key.label("key")).limit(2 * BUDGET)
            joined, row = dialect.join(entries.subquery(), "key", rarest.target)
            others = [found for found in filters if found is not rarest or not found.exact]
            tests = (found.test(row) for found in others)
            some = select(literal(1)).select_from(joined).where(*tests)
        else:  # The database knows best how to meet several large sets.
            memberships = (found.membership() for found in filters)
            some = some.where(viewer.owns(items.c.owner_id), *memberships)
    some = some.limit(COUNTED + 1)
    found = connection.execute(select(func.count()).select_from(some.subquery())).scalar_one()
    return Total(min(found, COUNTED), found <= COUNTED)


def rank(connection: Connection, filters: Sequence[Filter], most: int) -> list[tuple[int, Filter]]:
    """The filters, the rarest first, each with its number of rows, counted up to `most` + 1."""
    counts = [
        select(func.count())
        .select_from(found.entries(literal(1)).limit(most + 1).subquery())
        .scalar_subquery()
        for found in filters
    ]
    row = connection.execute(select(*counts)).one()
    return sorted(zip(row, filters, strict=True), key=lambda pair: pair[0])


def own(viewer: Viewer, by: str) -> ByColumns:
    """All that the viewer owns, in the order of a column."""
    return ByColumns(items.c[by], items.c.id, viewer.behind(items.c.owner_id))


@dataclass(frozen=True)
class Listing:
    """One page that is asked for."""

    connection: Connection
    viewer: Viewer
    sort: Sort
    filters: Sequence[Filter]
    bounds: Sequence[Bound]
    limit: int
    budget: int

    def walk(self, driver: Filter | None) -> Page:
        """Along the index of `driver`, or along that of what the list is sorted by."""
        others = [found for found in self.filters if found is not driver or not found.exact]
        if others:
            return self._scan(driver, others)
        place = self._place(driver)
        if driver is None or driver.index is items:
            return self._page(self._entries(place, *PUBLIC).limit(self.limit + 1))
        entries = self._entries(place, driver.key.label("key")).limit(self.limit + 1)
        joined, row = self._dialect.join(entries.subquery(), "key", driver.target)
        return self._page(self._sorted(select(*_public(row)).select_from(joined), row))

    def gather(self, driver: Filter) -> Page:
        """All that passes `driver`, sorted."""
        # The limit is never reached; it keeps the planner from going along another index.
        entries = driver.entries(driver.key.label("key")).limit(2 * self.budget)
        joined, row = self._dialect.join(entries.subquery(), "key", driver.target)
        others = [found for found in self.filters if found is not driver or not found.exact]
        place = ByColumns(row[self.sort.by], row.id)
        statement = (
            select(*_public(row))
            .select_from(joined)
            .where(*(found.test(row) for found in others))
            .where(*place.within(self.bounds))
            .limit(self.limit + 1)
        )
        return self._page(self._sorted(statement, row))

    def _scan(self, driver: Filter | None, others: Sequence[Filter]) -> Page:
        place = self._place(driver)
        number = func.row_number().over(order_by=place.order(self.sort)).label("examined")
        if driver is None or driver.index is items:
            window = self._entries(place, *items.c, number).limit(self.budget).subquery()
            joined: FromClause = window
            row = window.c
        else:
            entries = self._entries(place, driver.key.label("key"), number)
            window = entries.limit(self.budget).subquery()
            joined, row = self._dialect.join(window, "key", driver.target)
        matches = and_(true(), *(found.test(row) for found in others))
        rows: list[Row[Any]] = list(
            self.connection.execute(
                select(*_public(row), window.c.examined, matches.label("matches"))
                .select_from(joined)
                # The last row of the budget says where to go on, whether it matches or not. No
                # ORDER BY: the rows come as the window has them, and none beyond the page is read.
                .where(or_(matches, window.c.examined == self.budget))
                .limit(self.limit + 1)
            )
        )
        found = [row for row in rows if row.matches]
        if len(found) > self.limit:
            found = found[: self.limit]
            return Page(found, self.sort.position_of(found[-1]))
        ended = bool(rows) and rows[-1].examined == self.budget
        return Page(found, self.sort.position_of(rows[-1]) if ended else None)

    @property
    def _dialect(self) -> FullText:
        return SEARCH[self.connection.dialect.name]

    def _place(self, driver: Filter | None) -> Place:
        if driver is None or driver.creation is None:
            return own(self.viewer, self.sort.by)
        return driver.creation

    def _entries(self, place: Place, *columns: Any) -> Select[Any]:
        return select(*columns).where(*place.within(self.bounds)).order_by(*place.order(self.sort))

    def _sorted(self, statement: Select[Any], row: Columns) -> Select[Any]:
        return statement.order_by(*self.sort.order(row[self.sort.by], row.id))

    def _page(self, statement: Select[Any]) -> Page:
        rows = self.connection.execute(statement).all()
        page = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(page, self.sort.position_of(page[-1]) if more else None)


def _public(row: Columns) -> list[ColumnElement[Any]]:
    return [row[column.name] for column in PUBLIC]
