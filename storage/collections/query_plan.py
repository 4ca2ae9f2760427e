"""Lists that cost the same however many rows there are.

Three plans lead to a page; docs/listing.md says which is taken when, and what it costs:

- straight: an index has the rows asked for, in the order asked for;
- gathered: some filter lets at most the budget's rows pass, which are fetched and sorted;
- scanned: at most the budget's rows in the order asked for are tested. Then a page may be short
  though more follow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    true,
)

from storage.collections.filtered import Filtered, Parameters, owned_rows
from storage.collections.full_text import Columns
from storage.collections.matching import Matching, Place
from storage.collections.orders import Bound, ByColumns, Page, Sort

Driver = Matching | None
"""The filter whose index a plan reads; None: the index of the list's order."""


class PageRequest(NamedTuple):
    """A requested page of at most `limit` rows, which reads at most `budget`.

    `parameters` are those of the filters, the viewer and the position.
    """

    connection: Connection
    parameters: Parameters
    limit: int
    budget: int

    def execute(self, statement: Select[Any]) -> Sequence[Any]:
        ends = {"_limit": self.limit + 1, "_budget": self.budget, "_never_reached": 2 * self.budget}
        return self.connection.execute(statement, {**self.parameters, **ends}).all()


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing(Filtered):
    """Pages of the rows that pass the filters and are within the bounds. `nulls`: see
    orders.ByColumns."""

    columns: Sequence[Column[Any]]
    sort: Sort
    bounds: Sequence[Bound]
    nulls: bool | None

    def page(self, request: PageRequest) -> Page:
        """Read the page by the cheapest plan."""
        filters, by_creation = self.filters, self.sort.by == "created_at"
        if not filters or (len(filters) == 1 and by_creation and filters[0].creation):
            return self._walk(request, filters[0] if filters else None)
        ranked = self.rank(request.connection, request.parameters, request.budget)
        fewest, rarest = ranked[0]
        if fewest <= request.budget:
            return self._page(request, self._gathered, rarest)
        ordered = [found for _, found in ranked if by_creation and found.creation]
        return self._walk(request, ordered[0] if ordered else None)

    def _walk(self, request: PageRequest, driver: Driver) -> Page:
        if self.others(driver):
            return self._scan(request, driver)
        return self._page(request, self._straight, driver)

    def _straight(self, driver: Driver) -> Select[Any]:
        place = self._place(driver)
        if driver is None or driver.index is self.at.table:
            return self._entries(place, *self.columns).limit(bindparam("_limit"))
        entries = self._entries(place, driver.key.label("key")).limit(bindparam("_limit"))
        joined, row = self.at.dialect.join(entries.subquery(), driver.target)
        return self._sorted(select(*self._public(row)).select_from(joined), row)

    def _gathered(self, driver: Matching) -> Select[Any]:
        """All rows that pass `driver`, sorted."""
        # The limit is never reached; it keeps the planner from going along another index.
        entries = driver.entries(driver.key.label("key")).limit(bindparam("_never_reached"))
        joined, row = self.at.dialect.join(entries.subquery(), driver.target)
        statement = (
            select(*self._public(row))
            .select_from(joined)
            .where(*(found.test(row) for found in self.others(driver)))
            .where(*self._place_in(row).conditions(self.bounds))
            .limit(bindparam("_limit"))
        )
        return self._sorted(statement, row)

    def _scan(self, request: PageRequest, driver: Driver) -> Page:
        rows = request.execute(self.statement(self._scanned, driver))
        found = [row for row in rows if row.matches]
        if len(found) > request.limit:
            found = found[: request.limit]
            return Page(found, self.sort.position_of(found[-1]))
        ended = bool(rows) and rows[-1].examined == request.budget
        return Page(found, self.sort.position_of(rows[-1]) if ended else None)

    def _scanned(self, driver: Driver) -> Select[Any]:
        place, budget = self._place(driver), bindparam("_budget", type_=Integer)
        number = func.row_number().over(order_by=place.order(self.sort)).label("examined")
        if driver is None or driver.index is self.at.table:
            window = self._entries(place, *self.at.table.c, number).limit(budget).subquery()
            joined: FromClause = window
            row = window.c
        else:
            entries = self._entries(place, driver.key.label("key"), number)
            window = entries.limit(budget).subquery()
            joined, row = self.at.dialect.join(window, driver.target)
        matches = and_(true(), *(found.test(row) for found in self.others(driver)))
        return (
            select(*self._public(row), window.c.examined, matches.label("matches"))
            .select_from(joined)
            # The last row of the budget says where to go on, whether it matches or not. No
            # ORDER BY: the rows come as the window has them, and none beyond the page is read.
            .where(or_(matches, window.c.examined == budget))
            .limit(bindparam("_limit"))
        )

    def _place(self, driver: Driver) -> Place:
        if driver is None or driver.creation is None:
            return owned_rows(self.at, self.sort.by, self.nulls)
        return driver.creation

    def _place_in(self, row: Columns) -> ByColumns:
        return ByColumns(row[self.sort.by], row.id, nulls=self.nulls)

    def _entries(self, place: Place, *columns: Any) -> Select[Any]:
        return (
            select(*columns).where(*place.conditions(self.bounds)).order_by(*place.order(self.sort))
        )

    def _sorted(self, statement: Select[Any], row: Columns) -> Select[Any]:
        return statement.order_by(*self._place_in(row).order(self.sort))

    def _page(
        self, request: PageRequest, make: Callable[[Any], Select[Any]], driver: Driver
    ) -> Page:
        rows = request.execute(self.statement(make, driver))
        return Page.of(rows, request.limit, self.sort)

    def _public(self, row: Columns) -> list[ColumnElement[Any]]:
        return [row[column.name] for column in self.columns]
