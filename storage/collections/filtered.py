"""The rows that pass some filters: what pages and totals of a list share."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, func, literal, select

from storage.collections.full_text import FullText
from storage.collections.matching import Matching
from storage.collections.orders import ByColumns
from storage.collections.viewers import Viewer

Parameters = Mapping[str, Any]
"""Values for a statement's parameters."""


def owned_rows(table: Table, viewer: Viewer, by: str, nulls: bool | None = None) -> ByColumns:
    """All that the viewer owns, in the order of a column."""
    return ByColumns(table.c[by], table.c.id, viewer.index_prefix(table.c.owner_id), nulls)


@dataclass(frozen=True, kw_only=True, eq=False)
class Filtered:
    """Statements over the rows that pass all the `filters`, each built when it is first needed,
    because to build one takes longer than to execute it.

    They are the same for all viewers of a kind and all values of the filters' forms, and are
    executed with the parameters of both.
    """

    table: Table
    viewer: Viewer
    dialect: FullText
    filters: Sequence[Matching]
    _made: dict[Hashable, Select[Any]] = field(default_factory=dict)

    def statement(self, key: Hashable, make: Callable[[], Select[Any]]) -> Select[Any]:
        """The statement `key`, made by `make` the first time."""
        statement = self._made.get(key)
        if statement is None:
            statement = self._made[key] = make()
        return statement

    def rank(
        self, connection: Connection, parameters: Parameters, most: int
    ) -> list[tuple[int, Matching]]:
        """The filters, the rarest first, each with its number of rows, counted up to `most` + 1."""
        counts = self.statement("rank", self._counts)
        row = connection.execute(counts, {**parameters, "_one_more": most + 1}).one()
        return sorted(zip(row, self.filters, strict=True), key=lambda pair: pair[0])

    def _counts(self) -> Select[Any]:
        some = (found.entries(literal(1)).limit(bindparam("_one_more")) for found in self.filters)
        counts = (select(func.count()).select_from(one.subquery()) for one in some)
        return select(*(count.scalar_subquery() for count in counts))
