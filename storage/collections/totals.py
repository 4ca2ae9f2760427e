"""How many rows a list has in all, at a bounded cost."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, literal, select

from storage.collections.filtered import Filtered, Parameters, owned_rows
from storage.collections.matching import OLDEST_FIRST, Matching
from storage.collections.query_plan import BUDGET

COUNTED = 10_000
"""Up to how many a total is exact."""


class Total(NamedTuple):
    """How many there are; at least that many unless it is exact."""

    number: int
    is_exact: bool


class Totals(Filtered):
    """How many rows pass all the filters, counted up to COUNTED."""

    def count(self, connection: Connection, parameters: Parameters) -> Total:
        if not self.filters:
            statement = self.statement("all", lambda: self._count(self._all()))
        elif len(self.filters) == 1 and self.filters[0].exact:
            statement = self.statement(
                "one", lambda: self._count(self.filters[0].entries(literal(1)))
            )
        else:
            (fewest, rarest), *_ = self.rank(connection, parameters, BUDGET)
            if fewest <= BUDGET:
                statement = self.statement(rarest, lambda: self._count(self._among(rarest)))
            else:  # The database knows best how to meet several large sets.
                statement = self.statement("large", lambda: self._count(self._of_all_sets()))
        found = connection.execute(statement, parameters).scalar_one()
        return Total(min(found, COUNTED), found <= COUNTED)

    def _count(self, some: Select[Any]) -> Select[Any]:
        return select(func.count()).select_from(some.limit(COUNTED + 1).subquery())

    def _all(self) -> Select[Any]:
        place = owned_rows(self.table, self.viewer, "created_at")
        some = select(literal(1)).select_from(self.table)
        return some.where(*place.within([])).order_by(*place.order(OLDEST_FIRST))

    def _among(self, rarest: Matching) -> Select[Any]:
        entries = rarest.entries(rarest.key.label("key")).limit(2 * BUDGET)
        joined, row = self.dialect.join(entries.subquery(), "key", rarest.target)
        others = [found for found in self.filters if found is not rarest or not found.exact]
        tests = (found.test(row) for found in others)
        return select(literal(1)).select_from(joined).where(*tests)

    def _of_all_sets(self) -> Select[Any]:
        owned = self.viewer.owns(self.table.c.owner_id)
        memberships = (found.membership() for found in self.filters)
        return select(literal(1)).select_from(self.table).where(owned, *memberships)
