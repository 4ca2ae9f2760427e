"""The kinds of filters that a Collection declares for the parameters of a list."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, Protocol

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Integer,
    Table,
    bindparam,
    func,
    select,
)

from storage.collections.full_text import Columns, SearchForm, SqliteSearch, words_column
from storage.collections.matching import (
    ByNumber,
    Lookup,
    Matching,
    Test,
    bounded_rows,
    matching_rows,
)
from storage.collections.orders import Bound, ByColumns
from storage.collections.words import search_of, words_of


class Given(NamedTuple):
    """A value that was sent for a filter's parameter. `form`: the part of it that statements depend
    on, such as the number of tags. `parameters`: what they are executed with."""

    form: Hashable
    parameters: dict[str, Any]


class Filter(Protocol):
    """A kind of filter, declared for a parameter of a list."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that it reads."""

    def given(self, name: str, value: Any, at: Lookup) -> Given | None:
        """What `value`, sent for the parameter `name`, asks for; None: nothing."""

    def matching(self, name: str, form: Any, at: Lookup) -> list[Matching]:
        """The rows that pass, for values of a form."""


def _parameter(name: str, number: int = 0) -> str:
    """Of a filter's value; it can't be the name of another parameter."""
    return f"filter{number}_{name}"


@dataclass(frozen=True)
class OfColumn:
    """A filter that compares one column with a value."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def given(self, name: str, value: Any, at: Lookup) -> Given | None:
        return Given(None, {_parameter(name): value})

    def value(self, name: str, table: Table, **options: Any) -> BindParameter[Any]:
        """The parameter. A number that doesn't fit into the column is no error, but one that no row
        has."""
        type_ = table.c[self.column].type
        wide = BigInteger() if isinstance(type_, Integer) else type_
        return bindparam(_parameter(name), type_=wide, **options)


class EqualTo(OfColumn):
    """Rows whose column has this value, such as the id of a related row. It needs an index over the
    column, `created_at` and `id`."""

    def matching(self, name: str, form: Any, at: Lookup) -> list[Matching]:
        table, viewer, _ = at
        value = self.value(name, table)
        prefix = [*viewer.index_prefix(table.c.owner_id), (table.c[self.column], value)]
        creation = ByColumns(table.c.created_at, table.c.id, prefix)
        return [matching_rows(at, self._is_among([value]), creation)]

    def _is_among(self, values: Any) -> Test:
        return lambda row: row[self.column].in_(values)


class OneOf(EqualTo):
    """Rows whose column has one of several values. It needs the index that EqualTo needs."""

    def given(self, name: str, value: Any, at: Lookup) -> Given | None:
        several = len(value) > 1
        return Given(several, {_parameter(name): value if several else value[0]})

    def matching(self, name: str, form: Any, at: Lookup) -> list[Matching]:
        if not form:
            return super().matching(name, form, at)
        values = self.value(name, at.table, expanding=True)
        return [matching_rows(at, self._is_among(values))]


@dataclass(frozen=True)
class AllOf:
    """Rows whose list has all of several values; `entries` is from tables.entries_table."""

    entries: Table

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.entries.info["entries_of"][1],)

    def given(self, name: str, value: Any, at: Lookup) -> Given | None:
        values = list(dict.fromkeys(value))
        return Given(len(values), {_parameter(name, n): one for n, one in enumerate(values)})

    def matching(self, name: str, form: int, at: Lookup) -> list[Matching]:
        type_ = self.entries.c.value.type
        values = (bindparam(_parameter(name, number), type_=type_) for number in range(form))
        return [self._one(value, at) for value in values]

    def _one(self, value: BindParameter[Any], at: Lookup) -> Matching:
        entry = self.entries.c

        def test(row: Columns) -> ColumnElement[bool]:
            # A count, since the planner may turn EXISTS into a scan of all that have the value.
            same = entry.value == value, entry.created_at == row.created_at
            found = select(func.count()).where(*same, entry.row_id == row.id)
            return found.correlate_except(self.entries).scalar_subquery() > 0

        prefix = [*at.viewer.index_prefix(entry.owner_id), (entry.value, value)]
        return Matching(
            test=test,
            index=self.entries,
            where=(entry.value == value) & at.viewer.owns(entry.owner_id),
            key=entry.row_id,
            target=at.table.c.id,
            creation=ByColumns(entry.created_at, entry.row_id, prefix),
        )


@dataclass(frozen=True)
class Bounded(OfColumn):
    """Rows whose column is on one side of a value. Rows without a value pass no bound."""

    above: bool
    inclusive: bool

    def bound(self, name: str, table: Table) -> Bound:
        return Bound(self.above, self.value(name, table), inclusive=self.inclusive)

    def matching(self, name: str, form: None, at: Lookup) -> list[Matching]:
        return [bounded_rows(self.column, [self.bound(name, at.table)], at)]


After = partial(Bounded, above=True, inclusive=False)
"""Rows whose column is later, or greater, than a value."""
Before = partial(Bounded, above=False, inclusive=False)
"""Rows whose column is earlier, or less, than a value."""
AtLeast = partial(Bounded, above=True, inclusive=True)
"""Rows whose column is a value or more."""
AtMost = partial(Bounded, above=False, inclusive=True)
"""Rows whose column is a value or less."""


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

    def given(self, name: str, value: Any, at: Lookup) -> Given | None:
        search, dialect = search_of(value), at.dialect
        if not search:
            return None
        return Given(dialect.form(search), dialect.parameters(search, at.viewer))

    def matching(self, name: str, form: SearchForm, at: Lookup) -> list[Matching]:
        table, viewer, dialect = at
        where = dialect.matches(table.c, form, viewer)
        found = replace(matching_rows(at, partial(dialect.test, form=form)), where=where)
        if not isinstance(dialect, SqliteSearch):
            return [found]
        rowid = dialect.entries.c.rowid
        creation = ByNumber(table, rowid, where)
        return [
            replace(found, index=dialect.entries, key=rowid, creation=creation, exact=form.exact)
        ]
