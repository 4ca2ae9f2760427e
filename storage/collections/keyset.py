"""Lists by keyset: a page starts after a place, not after a count.

So it costs the same wherever it is, and rows that come or go leave no gap and no double.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

from sqlalchemy import Column, Row

from storage.collections.orders import Position, Sort


class Page(NamedTuple):
    """Some rows, and where the next page starts (None: there is none)."""

    rows: Sequence[Row[Any]]
    next: Position | None

    @classmethod
    def of(cls, rows: Sequence[Row[Any]], limit: int, sort: Sort) -> Self:
        """The first `limit` of `rows`, of which one more was read to know whether more follow."""
        page = rows[:limit]
        return cls(page, sort.position_of(page[-1]) if len(rows) > limit else None)


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
