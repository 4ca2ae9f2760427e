"""Lists that cost the same however many rows there are.

Three plans lead to a page; docs/listing.md says which is taken when, and what it costs:

- straight: an index has the rows asked for, in the order asked for;
- gathered: some filter lets at most the budget's rows pass, which are fetched and sorted;
- scanned: at most the budget's rows in the order asked for are tested. Then a page may be short
  though more follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Row,
    Select,
    Table,
    and_,
    func,
    literal,
    or_,
    select,
    true,
)

from storage.collections.full_text import Columns, FullText
from storage.collections.keyset import Page
from storage.collections.matching import OLDEST_FIRST, Matching, Place
from storage.collections.orders import Bound, ByColumns, Sort
from storage.collections.viewers import Viewer

BUDGET = 5000
"""How many rows a page costs at most, where no index has just those that are asked for."""

COUNTED = 10_000
"""Up to how many a total is exact."""


class Total(NamedTuple):
    """How many there are; at least that many unless it is exact."""

    number: int
    is_exact: bool


def rank(
    connection: Connection, filters: Sequence[Matching], most: int
) -> list[tuple[int, Matching]]:
    """The filters, the rarest first, each with its number of rows, counted up to `most` + 1."""
    counts = [
        select(func.count())
        .select_from(found.entries(literal(1)).limit(most + 1).subquery())
        .scalar_subquery()
        for found in filters
    ]
    row = connection.execute(select(*counts)).one()
    return sorted(zip(row, filters, strict=True), key=lambda pair: pair[0])


def owned_rows(table: Table, viewer: Viewer, by: str, nulls: bool | None = None) -> ByColumns:
    """All that the viewer owns, in the order of a column."""
    return ByColumns(table.c[by], table.c.id, viewer.index_prefix(table.c.owner_id), nulls)


def count(
    connection: Connection,
    table: Table,
    viewer: Viewer,
    dialect: FullText,
    filters: Sequence[Matching],
) -> Total:
    """How many rows pass all the filters, counted up to COUNTED."""
    some = select(literal(1)).select_from(table)
    if not filters:
        place = owned_rows(table, viewer, "created_at")
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
            some = some.where(viewer.owns(table.c.owner_id), *memberships)
    some = some.limit(COUNTED + 1)
    found = connection.execute(select(func.count()).select_from(some.subquery())).scalar_one()
    return Total(min(found, COUNTED), found <= COUNTED)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One page that is asked for. `nulls`: see orders.ByColumns."""

    table: Table
    columns: Sequence[Column[Any]]
    connection: Connection
    viewer: Viewer
    dialect: FullText
    sort: Sort
    filters: Sequence[Matching]
    bounds: Sequence[Bound]
    nulls: bool | None
    limit: int
    budget: int

    def page(self) -> Page:
        """By the cheapest plan."""
        filters, by_creation = self.filters, self.sort.by == "created_at"
        if not filters or (len(filters) == 1 and by_creation and filters[0].creation):
            return self.walk(filters[0] if filters else None)
        ranked = rank(self.connection, filters, self.budget)
        if ranked[0][0] <= self.budget:
            return self.gather(ranked[0][1])
        ordered = [found for _, found in ranked if by_creation and found.creation]
        return self.walk(ordered[0] if ordered else None)

    def walk(self, driver: Matching | None) -> Page:
        """Along the index of `driver`, or along that of what the list is sorted by."""
        others = [found for found in self.filters if found is not driver or not found.exact]
        if others:
            return self._scan(driver, others)
        place = self._place(driver)
        if driver is None or driver.index is self.table:
            return self._page(self._entries(place, *self.columns).limit(self.limit + 1))
        entries = self._entries(place, driver.key.label("key")).limit(self.limit + 1)
        joined, row = self.dialect.join(entries.subquery(), "key", driver.target)
        return self._page(self._sorted(select(*self._public(row)).select_from(joined), row))

    def gather(self, driver: Matching) -> Page:
        """All that passes `driver`, sorted."""
        # The limit is never reached; it keeps the planner from going along another index.
        entries = driver.entries(driver.key.label("key")).limit(2 * self.budget)
        joined, row = self.dialect.join(entries.subquery(), "key", driver.target)
        others = [found for found in self.filters if found is not driver or not found.exact]
        statement = (
            select(*self._public(row))
            .select_from(joined)
            .where(*(found.test(row) for found in others))
            .where(*self._place_in(row).within(self.bounds))
            .limit(self.limit + 1)
        )
        return self._page(self._sorted(statement, row))

    def _scan(self, driver: Matching | None, others: Sequence[Matching]) -> Page:
        place = self._place(driver)
        number = func.row_number().over(order_by=place.order(self.sort)).label("examined")
        if driver is None or driver.index is self.table:
            window = self._entries(place, *self.table.c, number).limit(self.budget).subquery()
            joined: FromClause = window
            row = window.c
        else:
            entries = self._entries(place, driver.key.label("key"), number)
            window = entries.limit(self.budget).subquery()
            joined, row = self.dialect.join(window, "key", driver.target)
        matches = and_(true(), *(found.test(row) for found in others))
        rows: list[Row[Any]] = list(
            self.connection.execute(
                select(*self._public(row), window.c.examined, matches.label("matches"))
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

    def _place(self, driver: Matching | None) -> Place:
        if driver is None or driver.creation is None:
            return owned_rows(self.table, self.viewer, self.sort.by, self.nulls)
        return driver.creation

    def _place_in(self, row: Columns) -> ByColumns:
        return ByColumns(row[self.sort.by], row.id, nulls=self.nulls)

    def _entries(self, place: Place, *columns: Any) -> Select[Any]:
        return select(*columns).where(*place.within(self.bounds)).order_by(*place.order(self.sort))

    def _sorted(self, statement: Select[Any], row: Columns) -> Select[Any]:
        return statement.order_by(*self._place_in(row).order(self.sort))

    def _page(self, statement: Select[Any]) -> Page:
        rows = self.connection.execute(statement).all()
        page = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(page, self.sort.position_of(page[-1]) if more else None)

    def _public(self, row: Columns) -> list[ColumnElement[Any]]:
        return [row[column.name] for column in self.columns]
