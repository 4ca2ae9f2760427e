"""The kinds of filters that a Collection declares for the parameters of a list."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Table, func, select

from storage.collections.full_text import Columns, SqliteSearch, words_column
from storage.collections.matching import ByNumber, Lookup, Matching, matching_rows, within
from storage.collections.orders import Bound, ByColumns
from storage.collections.words import search_of, words_of


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
