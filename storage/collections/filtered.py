"""The rows that pass some filters: what pages and totals of a list share; and the totals, at a
bounded cost."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, literal, select

from storage.collections.matching import OLDEST_FIRST, Lookup, Matching
from storage.collections.orders import ByColumns

BUDGET = 5000
"""The maximum number of rows read for a page without a matching index."""

COUNTED = 10_000
"""Up to how many a total is exact."""

Parameters = Mapping[str, Any]
"""Values for a statement's parameters."""


def owned_rows(at: Lookup, by: str, nulls: bool | None = None) -> ByColumns:
    """All that the viewer owns, in the order of a column."""
    columns = at.table.c
    return ByColumns(columns[by], columns.id, at.viewer.index_prefix(columns.owner_id), nulls)


@dataclass(frozen=True, kw_only=True, eq=False)
class Filtered:
    """Statements over the rows that pass all the `filters`, each built when it is first needed,
    because to build one takes longer than to execute it.

    They are the same for all viewers of a kind and all values of the filters' forms, and are
    executed with the parameters of both.
    """

    at: Lookup
    filters: Sequence[Matching]
    _made: dict[Hashable, Select[Any]] = field(default_factory=dict)

    def statement(self, make: Callable[..., Select[Any]], *of: Matching | None) -> Select[Any]:
        """What the method `make` returns for these filters, called for them the first time."""
        key = make.__name__, of  # not `make`, which would keep this object alive
        statement = self._made.get(key)
        if statement is None:
            statement = self._made[key] = make(*of)
        return statement

    def others(self, driver: Matching | None) -> list[Matching]:
        """The filters that the entries of `driver` have yet to pass."""
        return [found for found in self.filters if found is not driver or not found.exact]

    def rank(
        self, connection: Connection, parameters: Parameters, most: int
    ) -> list[tuple[int, Matching]]:
        """The filters, the rarest first, each with its number of rows, counted up to `most` + 1."""
        counts = self.statement(self._counts)
        row = connection.execute(counts, {**parameters, "_one_more": most + 1}).one()
        return sorted(zip(row, self.filters, strict=True), key=lambda pair: pair[0])

    def _counts(self) -> Select[Any]:
        some = (found.entries(literal(1)).limit(bindparam("_one_more")) for found in self.filters)
        counts = (select(func.count()).select_from(one.subquery()) for one in some)
        return select(*(count.scalar_subquery() for count in counts))


class Total(NamedTuple):
    """How many there are; at least that many unless it is exact."""

    number: int
    is_exact: bool


class Totals(Filtered):
    """How many rows pass all the filters, counted up to COUNTED."""

    def count(self, connection: Connection, parameters: Parameters) -> Total:
        if not self.filters:
            statement = self.statement(self._all)
        elif len(self.filters) == 1 and self.filters[0].exact:
            statement = self.statement(self._one, self.filters[0])
        else:
            (fewest, rarest), *_ = self.rank(connection, parameters, BUDGET)
            if fewest <= BUDGET:
                statement = self.statement(self._among, rarest)
            else:  # The database knows best how to meet several large sets.
                statement = self.statement(self._of_all_sets)
        found = connection.execute(statement, parameters).scalar_one()
        return Total(min(found, COUNTED), found <= COUNTED)

    def _count(self, some: Select[Any]) -> Select[Any]:
        return select(func.count()).select_from(some.limit(COUNTED + 1).subquery())

    def _all(self) -> Select[Any]:
        place = owned_rows(self.at, "created_at")
        some = select(literal(1)).select_from(self.at.table).where(*place.conditions([]))
        return self._count(some.order_by(*place.order(OLDEST_FIRST)))

    def _one(self, only: Matching) -> Select[Any]:
        return self._count(only.entries(literal(1)))

    def _among(self, rarest: Matching) -> Select[Any]:
        entries = rarest.entries(rarest.key.label("key")).limit(2 * BUDGET)
        joined, row = self.at.dialect.join(entries.subquery(), rarest.target)
        tests = (found.test(row) for found in self.others(rarest))
        return self._count(select(literal(1)).select_from(joined).where(*tests))

    def _of_all_sets(self) -> Select[Any]:
        owned = self.at.viewer.owns(self.at.table.c.owner_id)
        memberships = (found.membership() for found in self.filters)
        return self._count(select(literal(1)).select_from(self.at.table).where(owned, *memberships))
