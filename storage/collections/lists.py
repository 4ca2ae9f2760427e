"""The lists of a collection: pages and totals, by the sorts and filters that are declared."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import Column, Connection, Table, bindparam, or_, select, update

from storage.collections.filtered import BUDGET, Total, Totals
from storage.collections.filters import Bounded, Filter, Matches
from storage.collections.full_text import FullText, PostgresSearch, SqliteSearch, words_column
from storage.collections.matching import Lookup, Matching, bounded_rows
from storage.collections.orders import Bound, Page, Position, Sort
from storage.collections.query_plan import Listing, PageRequest
from storage.collections.viewers import Viewer
from storage.column_types import Words

Row = sqlalchemy.Row[Any]
Query = Mapping[str, Any]
"""Values of a list's parameters: `sort`, and filters by their names."""

ABSENT: tuple[Any, ...] = (None, "", [], ())
"""Values of a filter that was not given."""
INTERNAL = {"seq", "owner_id"}
KEPT = 64
"""For how many forms of queries, with their sort and the kind of their position, a collection keeps
the statements."""
MAX_PARAMETERS = 6
"""The parameters of a query whose statements are kept: with six, all of them take half a megabyte.
Longer queries have too many combinations for one to come again."""
REBUILT = 500
"""How many rows one transaction splits into words again: others write in between."""


class Form(NamedTuple):
    """What the statements for a query depend on: the kind of the viewer, the kind of the database,
    and the filters that are given, with the forms of their values."""

    viewer: Viewer
    dialect: str
    filters: tuple[tuple[str, Hashable], ...]


class Lists:
    """`columns` are those that clients may see; `sorts` has each sort in both directions."""

    def __init__(self, table: Table, sorts: Sequence[str], filters: Mapping[str, Filter]) -> None:
        self.table, self.filters = table, dict(filters)
        self.sorts = tuple(f"{sign}{by}" for by in sorts for sign in ("", "-"))
        kinds = self.filters.items()
        self._bounded = [(name, kind) for name, kind in kinds if isinstance(kind, Bounded)]
        self._bounded_columns = tuple(dict.fromkeys(kind.column for _, kind in self._bounded))
        searches = [kind for _, kind in kinds if isinstance(kind, Matches)]
        self._texts = searches[0] if searches else Matches()
        self._dialects: dict[str, FullText] = {
            "sqlite": SqliteSearch(table, self._texts.texts),
            "postgresql": PostgresSearch(table, self._texts.texts),
        }
        hidden = INTERNAL | set(map(words_column, self._texts.texts))
        self.columns = [column for column in table.c if column.name not in hidden]
        self._listing = lru_cache(KEPT)(self._make_listing)
        self._totals = lru_cache(KEPT)(self._make_totals)

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
        sort = query.get("sort", "-created_at")
        form, parameters = self._form(connection, viewer, query)
        make = self._listing if len(parameters) <= MAX_PARAMETERS else self._make_listing

        def run(limit: int, after: Position | None, nulls: bool | None) -> Page:
            place = {} if after is None else {"_value": after.value, "_id": after.id}
            listing = make(form, sort, nulls, after is not None)
            return listing.page(PageRequest(connection, parameters | place, limit, budget))

        return with_nulls_last(run, self.table.c[Sort.parse(sort).by], limit, after)

    def count(self, connection: Connection, viewer: Viewer, query: Query) -> Total:
        """How many rows `query` asks for, counted up to COUNTED."""
        form, parameters = self._form(connection, viewer, query)
        make = self._totals if len(parameters) <= MAX_PARAMETERS else self._make_totals
        return make(form).count(connection, parameters)

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

    def _form(
        self, connection: Connection, viewer: Viewer, query: Query
    ) -> tuple[Form, dict[str, Any]]:
        """What the statements for `query` depend on, and the parameters to execute them with."""
        dialect, forms = connection.dialect.name, {}
        at = Lookup(self.table, viewer, self._dialects[dialect])
        parameters = viewer.parameters
        for name, kind in self.filters.items():
            if query.get(name) not in ABSENT:
                given = kind.given(name, query[name], at)
                if given is not None:
                    forms[name] = given.form
                    parameters |= given.parameters
        return Form(viewer.kind, dialect, tuple(forms.items())), parameters

    def _make_listing(self, form: Form, sort: str, nulls: bool | None, later: bool) -> Listing:
        """`later`: whether a page begins after a position, the parameters _value and _id."""
        by, descending = Sort.parse(sort)
        at, column = self._at(form), self.table.c[by]
        bounds = self._bounds(form, by)
        if later:
            # Nearer than a filter on the same side, since a row within that was there. SQLite
            # begins at either of two, and not at the nearer one.
            above = not descending
            value = None if nulls else bindparam("_value", type_=column.type)
            place = Bound(above, value, bindparam("_id", type_=self.table.c.id.type))
            bounds = [*(bound for bound in bounds if bound.above != above), place]
        return Listing(
            at=at,
            columns=self.columns,
            sort=Sort(by, descending),
            filters=self._matching(form, but=by),
            bounds=bounds,
            nulls=nulls,
        )

    def _make_totals(self, form: Form) -> Totals:
        return Totals(at=self._at(form), filters=self._matching(form))

    def _at(self, form: Form) -> Lookup:
        return Lookup(self.table, form.viewer, self._dialects[form.dialect])

    def _bounds(self, form: Form, by: str) -> list[Bound]:
        given = dict(form.filters)
        kinds = [(name, kind) for name, kind in self._bounded if kind.column == by]
        return [kind.bound(name, self.table) for name, kind in kinds if name in given]

    def _matching(self, form: Form, *, but: str = "") -> list[Matching]:
        """Every filter, but for the bounds of the column `but`."""
        found, at = [], self._at(form)
        for name, value_form in form.filters:
            if not isinstance(self.filters[name], Bounded):
                found += self.filters[name].matching(name, value_form, at)
        for by in self._bounded_columns:
            bounds = self._bounds(form, by) if by != but else []
            if bounds:
                found.append(bounded_rows(by, bounds, at))
        return found


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
