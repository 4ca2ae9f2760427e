"""What a list can be asked for: each filter as a test of one row, and as the entries of an index
that has all the rows that pass it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    Table,
    UnaryExpression,
    and_,
    func,
    select,
)

from storage.collections.full_text import Columns, FullText, SqliteSearch, words_column
from storage.collections.orders import Bound, ByColumns, Sort
from storage.collections.viewers import Viewer
from storage.collections.words import search_of, words_of

NEWEST_FIRST = Sort("created_at", descending=True)
OLDEST_FIRST = Sort("created_at", descending=False)
LARGEST = 2**63 - 1


class Lookup(NamedTuple):
    """Where a filter of one request is applied."""

    table: Table
    viewer: Viewer
    dialect: FullText


class ByNumber(NamedTuple):
    """Entries of an index that has only the rows' numbers, in the order of creation."""

    table: Table
    number: ColumnElement[int]
    where: ColumnElement[bool]

    def order(self, sort: Sort) -> tuple[UnaryExpression[Any], ...]:
        return sort.order(self.number)

    def within(self, bounds: Iterable[Bound]) -> list[ColumnElement[bool]]:
        return [self.where, *map(self._limit, bounds)]

    def _limit(self, bound: Bound) -> ColumnElement[bool]:
        if bound.above:
            return self.number > func.coalesce(self._last_outside(bound, NEWEST_FIRST), 0)
        return self.number < func.coalesce(self._last_outside(bound, OLDEST_FIRST), LARGEST)

    def _last_outside(self, bound: Bound, sort: Sort) -> ScalarSelect[int]:
        place = self.table.c.created_at, self.table.c.id
        nearest = select(self.table.c.seq).where(bound.fails(*place)).order_by(*sort.order(*place))
        return nearest.limit(1).scalar_subquery()


Place = ByColumns | ByNumber
Test = Callable[[Columns], ColumnElement[bool]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Matching:
    """The rows that pass one filter of one request.

    `test` judges a row that the viewer owns. `index`, filtered by `where`, contains every match; if
    not `exact`, also false positives that `test` removes. `key` of an entry is `target` of its row.
    `creation` reads the same entries in the order of creation, where the index has that.
    """

    table: Table
    test: Test
    index: FromClause
    where: ColumnElement[bool]
    key: ColumnElement[Any]
    target: Column[Any]
    creation: Place | None = None
    exact: bool = True

    def entries(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Those of the index; in its order, where it has one, which keeps the planner to it."""
        entries = select(*columns).select_from(self.index)
        if self.creation is None:
            return entries.where(self.where)
        within = self.creation.within([])
        return entries.where(*within).order_by(*self.creation.order(OLDEST_FIRST))

    def membership(self) -> ColumnElement[bool]:
        """Of rows as a set; the database is free to choose where to begin."""
        if self.index is self.table:
            return self.test(self.table.c)
        among = self.target.in_(select(self.key).where(self.where))
        return among if self.exact else among & self.test(self.table.c)


def matching_rows(at: Lookup, test: Test, creation: Place | None = None) -> Matching:
    """The rows of the table itself that pass `test`."""
    return Matching(
        table=at.table,
        test=test,
        index=at.table,
        where=test(at.table.c) & at.viewer.owns(at.table.c.owner_id),
        key=at.table.c.seq,
        target=at.table.c.seq,
        creation=creation,
    )


class Filter(Protocol):
    """A kind of filter, declared for a parameter of a list."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it reads."""

    def matching(self, value: Any, at: Lookup) -> list[Matching]:
        """What `value`, which was sent for the parameter, asks for."""


@dataclass(frozen=True)
class OneOf:
    """Rows whose column has one of several values. It needs an index over the column, `created_at`
    and `id`."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def matching(self, value: Any, at: Lookup) -> list[Matching]:
        def test(row: Columns) -> ColumnElement[bool]:
            return row[self.column].in_(value)  # type: ignore[no-any-return]  # of any column

        if len(value) > 1:
            return [matching_rows(at, test)]
        return EqualTo(self.column).matching(value[0], at)


@dataclass(frozen=True)
class EqualTo:
    """Rows whose column has this value, such as the id of a related row. It needs the index that
    OneOf needs."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def matching(self, value: Any, at: Lookup) -> list[Matching]:
        def test(row: Columns) -> ColumnElement[bool]:
            return row[self.column].in_([value])  # type: ignore[no-any-return]  # of any column

        table, viewer, _ = at
        prefix = [*viewer.index_prefix(table.c.owner_id), (table.c[self.column], value)]
        return [matching_rows(at, test, ByColumns(table.c.created_at, table.c.id, prefix))]


@dataclass(frozen=True)
class AllOf:
    """Rows whose list has all of several values; `entries` is from tables.entries_table."""

    entries: Table

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.entries.info["entries_of"][1],)

    def matching(self, value: Any, at: Lookup) -> list[Matching]:
        return [self._one(one, at) for one in dict.fromkeys(value)]

    def _one(self, value: Any, at: Lookup) -> Matching:
        entry = self.entries.c

        def test(row: Columns) -> ColumnElement[bool]:
            # A count, since the planner may turn EXISTS into a scan of all that have the value.
            same = entry.value == value, entry.created_at == row.created_at
            found = select(func.count()).where(*same, entry.row_id == row.id)
            return found.correlate_except(self.entries).scalar_subquery() > 0

        prefix = [*at.viewer.index_prefix(entry.owner_id), (entry.value, value)]
        return Matching(
            table=at.table,
            test=test,
            index=self.entries,
            where=(entry.value == value) & at.viewer.owns(entry.owner_id),
            key=entry.row_id,
            target=at.table.c.id,
            creation=ByColumns(entry.created_at, entry.row_id, prefix),
        )


@dataclass(frozen=True)
class Bounded:
    """Rows whose column is on one side of a value. Rows without a value pass no bound."""

    column: str
    above: bool
    inclusive: bool

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def bound(self, value: Any) -> Bound:
        return Bound(self.above, value, inclusive=self.inclusive)

    def matching(self, value: Any, at: Lookup) -> list[Matching]:
        return [within(self.column, [self.bound(value)], at)]


def within(column: str, bounds: Iterable[Bound], at: Lookup) -> Matching:
    """The rows whose column is within all of `bounds`."""

    def test(row: Columns) -> ColumnElement[bool]:
        return and_(*(bound.holds(row[column], row.id) for bound in bounds))

    return matching_rows(at, test)


class After(Bounded):
    """Rows whose column is later, or greater, than a value."""

    def __init__(self, column: str) -> None:
        super().__init__(column, above=True, inclusive=False)


class Before(Bounded):
    """Rows whose column is earlier, or less, than a value."""

    def __init__(self, column: str) -> None:
        super().__init__(column, above=False, inclusive=False)


class AtLeast(Bounded):
    """Rows whose column is a value or more."""

    def __init__(self, column: str) -> None:
        super().__init__(column, above=True, inclusive=True)


class AtMost(Bounded):
    """Rows whose column is a value or less."""

    def __init__(self, column: str) -> None:
        super().__init__(column, above=False, inclusive=True)


class Matches:
    """Rows with all of the words in some texts. The table has tables.words_columns for these, and
    the migration a full-text index (storage.collections.ddl)."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self._words = [(text, words_column(text)) for text in texts]

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.texts, *map(words_column, self.texts))

    def words_of(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        """The words of those texts that are among `values`, by the names of their columns."""
        return {words: words_of(values[text]) for text, words in self._words if text in values}

    def matching(self, value: Any, at: Lookup) -> list[Matching]:
        search = search_of(value)
        if not search:
            return []
        table, viewer, dialect = at

        def test(row: Columns) -> ColumnElement[bool]:
            return dialect.test(row, search)

        where = dialect.matches(table.c, search, viewer)
        found = replace(matching_rows(at, test), where=where)
        if not isinstance(dialect, SqliteSearch):
            return [found]
        rowid = dialect.entries.c.rowid
        creation = ByNumber(table, rowid, where)
        exact = dialect.is_exact(search)
        return [replace(found, index=dialect.entries, key=rowid, creation=creation, exact=exact)]
