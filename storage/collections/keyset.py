"""Lists by keyset: a page starts behind a place, not after a count.

So it costs the same wherever it is, and rows that come or go leave no gap and no double.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Row, Table, bindparam, select

from storage.collections.orders import Bound, ByColumns, Position, Sort
from storage.collections.viewers import Viewer

__all__ = ["Keyset", "OwnedKeyset", "Page", "Position"]


class Page(NamedTuple):
    """Some rows, and where the next page starts (None: there is none)."""

    rows: Sequence[Row[Any]]
    next: Position | None


class Keyset:
    """A whole table, or those rows of it that have the same value in the column `of`, sorted.

    It needs an index over `of`, the column of `sort`, and `id`.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[Column[Any]],
        sort: str = "-created_at",
        *,
        of: Column[Any] | None = None,
    ) -> None:
        self._sort = Sort.parse(sort)
        by, id_ = table.c[self._sort.by], table.c.id
        behind = [] if of is None else [(of, bindparam("of", type_=of.type))]
        place = ByColumns(by, id_, behind)
        last = bindparam("value", type_=by.type), bindparam("id", type_=id_.type)
        start = Bound(not self._sort.descending, *last)
        entries = select(*columns).order_by(*place.order(self._sort)).limit(bindparam("n"))
        self._first = entries.where(*place.within([]))
        self._later = entries.where(*place.within([start]))

    def page(
        self, connection: Connection, *, limit: int, after: Position | None, of: Any = None
    ) -> Page:
        """At most `limit` rows from behind `after` on, or from the start."""
        statement = self._first if after is None else self._later
        position = {} if after is None else after._asdict()
        # One row more tells whether there is a next page.
        parameters = {"n": limit + 1, "of": of, **position}
        rows = connection.execute(statement, parameters).all()
        more = len(rows) > limit
        page = rows[:limit]
        return Page(page, self._sort.position_of(page[-1]) if more else None)


class OwnedKeyset:
    """What a viewer sees of a table whose rows have an `owner_id`, sorted.

    It needs an index over the column of `sort` and `id`, and one over `owner_id` and these.
    """

    def __init__(
        self, table: Table, columns: Sequence[Column[Any]], sort: str = "-created_at"
    ) -> None:
        self._all = Keyset(table, columns, sort)
        self._own = Keyset(table, columns, sort, of=table.c.owner_id)

    def page(
        self, connection: Connection, viewer: Viewer, *, limit: int, after: Position | None
    ) -> Page:
        """At most `limit` rows from behind `after` on, or from the start."""
        if viewer.sees_all:
            return self._all.page(connection, limit=limit, after=after)
        return self._own.page(connection, limit=limit, after=after, of=viewer.user_id)
