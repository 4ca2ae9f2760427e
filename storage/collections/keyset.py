"""Lists by keyset: a page starts after a place, not after a count.

So it costs the same wherever it is, and rows that come or go leave no gap and no double.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Row, Table, bindparam, select

from storage.collections.orders import Bound, ByColumns, Position, Sort
from storage.collections.viewers import Viewer


class Page(NamedTuple):
    """Some rows, and where the next page starts (None: there is none)."""

    rows: Sequence[Row[Any]]
    next: Position | None


Run = Callable[[int, Position | None, bool | None], Page]
"""A page of at most so many rows after a position; of the rows whose sort column is null, of the
others, or of all (None)."""


def with_nulls_last(run: Run, column: Column[Any], limit: int, after: Position | None) -> Page:
    """The page of a list by `column`, which may be null: what isn't null, then the rest.

    In one statement no index would have this order in both directions.
    """
    if not column.nullable:
        return run(limit, after, None)
    first = Page([], None)
    if after is None or after.value is not None:
        first = run(limit, after, False)
        if first.next is not None:
            return first
        after = None
    room = limit - len(first.rows)
    # A full page still has to know whether there is another one.
    rest = run(max(room, 1), after, True)
    if room == 0:
        last = first.rows[-1]
        more = bool(rest.rows) or rest.next is not None
        return Page(first.rows, Position(getattr(last, column.name), last.id) if more else None)
    return Page([*first.rows, *rest.rows], rest.next)


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
        self._by = table.c[self._sort.by]
        prefix = [] if of is None else [(of, bindparam("of", type_=of.type))]
        above = not self._sort.descending
        id_ = bindparam("id", type_=table.c.id.type)
        starts = {
            True: Bound(above, None, id_),
            False: Bound(above, bindparam("value", type_=self._by.type), id_),
        }
        self._statements = {}
        for nulls in (True, False) if self._by.nullable else (None,):
            place = ByColumns(self._by, table.c.id, prefix, nulls)
            entries = select(*columns).order_by(*place.order(self._sort)).limit(bindparam("n"))
            self._statements[nulls] = (
                entries.where(*place.conditions([])),
                entries.where(*place.conditions([starts[bool(nulls)]])),
            )

    def page(
        self, connection: Connection, *, limit: int, after: Position | None, of: Any = None
    ) -> Page:
        """At most `limit` rows after `after`, or from the start."""

        def run(limit: int, after: Position | None, nulls: bool | None) -> Page:
            first, later = self._statements[nulls]
            position = {} if after is None else after._asdict()
            # One row more tells whether there is a next page.
            parameters = {"n": limit + 1, "of": of, **position}
            rows = connection.execute(first if after is None else later, parameters).all()
            page = rows[:limit]
            more = len(rows) > limit
            return Page(page, self._sort.position_of(page[-1]) if more else None)

        return with_nulls_last(run, self._by, limit, after)


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
        """At most `limit` rows after `after`, or from the start."""
        if viewer.sees_all:
            return self._all.page(connection, limit=limit, after=after)
        return self._own.page(connection, limit=limit, after=after, of=viewer.user_id)
