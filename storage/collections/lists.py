"""The lists of a collection: pages and totals, by the sorts and filters that are declared."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Table, bindparam, or_, select, update

from storage.collections.filters import Bounded, Filter, Matches
from storage.collections.full_text import Words, full_text_of, words_column
from storage.collections.keyset import OwnedKeyset, Page, with_nulls_last
from storage.collections.matching import Lookup, Matching, within
from storage.collections.orders import Bound, Position, Sort
from storage.collections.query_plan import BUDGET, Listing, Total, count
from storage.collections.viewers import Viewer

Row = sqlalchemy.Row[Any]
Query = Mapping[str, Any]
"""Values of a list's parameters: `sort`, and filters by their names."""

ABSENT: tuple[Any, ...] = (None, "", [], ())
"""Values of a filter that was not given."""
INTERNAL = {"seq", "owner_id"}
REBUILT = 500
"""How many rows one transaction splits into words again: others write in between."""


class Lists:
    """`columns` are those that clients may see; `sorts` has each sort in both directions."""

    def __init__(self, table: Table, sorts: Sequence[str], filters: Mapping[str, Filter]) -> None:
        self.table, self.filters = table, dict(filters)
        self.sorts = tuple(f"{sign}{by}" for by in sorts for sign in ("", "-"))
        kinds = self.filters.items()
        self._bounded = [(name, kind) for name, kind in kinds if isinstance(kind, Bounded)]
        self._bounded_columns = tuple(dict.fromkeys(kind.column for _, kind in self._bounded))
        self._unbounded = [(name, kind) for name, kind in kinds if not isinstance(kind, Bounded)]
        searches = [kind for _, kind in kinds if isinstance(kind, Matches)]
        self._texts = searches[0] if searches else Matches()
        self._dialects = full_text_of(table, self._texts.texts)
        hidden = INTERNAL | set(map(words_column, self._texts.texts))
        self.columns = [column for column in table.c if column.name not in hidden]
        self._keysets = {sort: OwnedKeyset(table, self.columns, sort) for sort in self.sorts}

    def page(
        self,
        connection: Connection,
        viewer: Viewer,
        query: Query,
        *,
        limit: int,
        after: Position | None = None,
        budget: int = BUDGET,
    ) -> Page:
        """At most `limit` rows after `after`; fewer, though more follow, where the budget ended
        first. The newest first unless `query` has another `sort`."""
        text = query.get("sort", "-created_at")
        sort, dialect = Sort.parse(text), self._dialects[connection.dialect.name]
        at = Lookup(self.table, viewer, dialect)
        filters, bounds = self._matching(query, at, but=sort.by), self._bounds(query, sort.by)
        if not filters and not bounds:
            return self._keysets[text].page(connection, viewer, limit=limit, after=after)

        def run(limit: int, after: Position | None, nulls: bool | None) -> Page:
            inside = bounds
            if after is not None:
                # Nearer than a filter on the same side, since a row within that was there. SQLite
                # begins at either of two, and not at the nearer one.
                above = not sort.descending
                inside = [bound for bound in bounds if bound.above != above]
                inside.append(Bound(above, after.value, after.id))
            return Listing(
                table=self.table,
                columns=self.columns,
                connection=connection,
                viewer=viewer,
                dialect=dialect,
                sort=sort,
                filters=filters,
                bounds=inside,
                nulls=nulls,
                limit=limit,
                budget=budget,
            ).page()

        return with_nulls_last(run, self.table.c[sort.by], limit, after)

    def count(self, connection: Connection, viewer: Viewer, query: Query) -> Total:
        """How many rows `query` asks for, counted up to COUNTED."""
        dialect = self._dialects[connection.dialect.name]
        filters = self._matching(query, Lookup(self.table, viewer, dialect))
        return count(connection, self.table, viewer, dialect, filters)

    def rebuild_words(self, connection: Connection, after: int = 0) -> int | None:
        """Split the texts of a portion of rows into words again: of those after the number `after`.

        Return the number of the last one, or None if no row was left.
        """
        columns = [self.table.c[text] for text in self._texts.texts]
        number = self.table.c.seq
        portion = select(number, *columns).where(number > after).order_by(number).limit(REBUILT)
        rows = connection.execute(portion.with_for_update()).all() if columns else []
        if not rows:
            return None
        words = [self._texts.words_of(row._asdict()) for row in rows]
        made = {name: bindparam(f"_{name}", type_=Words) for name in words[0]}
        differs = or_(*(self.table.c[name].is_distinct_from(new) for name, new in made.items()))
        rebuild = update(self.table).where(number == bindparam("_seq"), differs).values(made)
        new = [
            {"_seq": row.seq, **{f"_{name}": value for name, value in each.items()}}
            for row, each in zip(rows, words, strict=True)
        ]
        connection.execute(rebuild, new)
        return int(rows[-1].seq)

    def _bounds(self, query: Query, by: str) -> list[Bound]:
        """The bounds of the column `by`."""
        bounds = []
        for name, kind in self._bounded:
            if kind.column == by and query.get(name) is not None:
                bounds.append(kind.bound(query[name]))
        return bounds

    def _matching(self, query: Query, at: Lookup, *, but: str = "") -> list[Matching]:
        """Every filter, but for the bounds of the column `but`."""
        found = []
        for name, kind in self._unbounded:
            if query.get(name) not in ABSENT:
                found += kind.matching(query[name], at)
        for by in self._bounded_columns:
            bounds = self._bounds(query, by) if by != but else []
            if bounds:
                found.append(within(by, bounds, at))
        return found
