"""Where SQLite and PostgreSQL differ about lists: the full-text index, and how to go from an
index's entries to their rows. Everything else is the same SQL."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    FromClause,
    Integer,
    Join,
    String,
    Subquery,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    table,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR, array
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.compiler import SQLCompiler

from storage.collections.viewers import Viewer
from storage.collections.words import Search

Columns = ReadOnlyColumnCollection[str, Any]

INDEXED_PREFIX = 4
"""The longest prefix that SQLite's index is made for; what is longer is looked up in the words."""

SEARCH = "search"


class SearchForm(NamedTuple):
    """What statements depend on. `parts`: how many parameters a row's test has. `exact`: whether
    each entry of the index that matches is of a row that passes the test."""

    parts: int
    exact: bool


def _part(number: int) -> str:
    return f"{SEARCH}_{number}"


def words_column(text: str) -> str:
    """The name of the column with the words of the column `text`."""
    return f"{text}_words"


def index_name(table: str) -> str:
    """The name of a table's full-text index, which in SQLite is a table itself."""
    return f"{table}_full_text"


class InOrder(Join):
    """A join that reads the left side first: SQLite doesn't reorder a CROSS JOIN. Otherwise it may
    begin with all rows of the table whose sort column is null."""

    inherit_cache = True


@compiles(InOrder)
def _cross_join(join: InOrder, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.visit_join(join, **options)  # type: ignore[no-untyped-call]  # as it has it
    left, _, right = text.rpartition(" JOIN ")
    return f"{left} CROSS JOIN {right}"


class SqliteSearch:
    """fts5: its entries are numbered like the rows, in the order of their creation."""

    def __init__(self, of: Table, texts: Sequence[str]) -> None:
        self._name = index_name(of.name)
        self._words = [words_column(text) for text in texts]
        self.entries = table(self._name, column("rowid", Integer))

    def form(self, search: Search) -> SearchForm:
        parts = len(search.words) + len(search.prefixes)
        exact = all(len(prefix) <= INDEXED_PREFIX for prefix in search.prefixes)
        return SearchForm(parts, exact)

    def parameters(self, search: Search, viewer: Viewer) -> dict[str, Any]:
        prefixes = sorted({prefix[:INDEXED_PREFIX] for prefix in search.prefixes})
        terms = [f'"{word}"' for word in search.words] + [f'"{prefix}"*' for prefix in prefixes]
        terms += [f'"@{owner.hex}"' for owner in viewer.parameters.values()]
        parts = [f" {word} " for word in search.words] + [f" {p}" for p in search.prefixes]
        return {SEARCH: " ".join(terms)} | {_part(n): part for n, part in enumerate(parts)}

    def matches(self, row: Columns, form: SearchForm, viewer: Viewer) -> ColumnElement[bool]:
        """The test of an index entry. Unless the form is exact, its row may still fail its test.
        The index has the owner as a term, which no text can contain."""
        return literal_column(self._name, String).op("MATCH")(bindparam(SEARCH, type_=String))

    def test(self, row: Columns, form: SearchForm) -> ColumnElement[bool]:
        text: ColumnElement[Any] = literal(" ")
        for name in self._words:
            text = text + type_coerce(row[name], Text) + " "
        parts = (bindparam(_part(number), type_=String) for number in range(form.parts))
        return and_(*(func.instr(text, part) > 0 for part in parts))

    def join(self, entries: Subquery, target: Column[Any]) -> tuple[FromClause, Columns]:
        """`entries`, each with the `key` of a row, joined with the rows, in the order of `entries`;
        and the rows' columns."""
        return InOrder(entries, target.table, target == entries.c.key), target.table.c


class PostgresSearch:
    """A GIN index over the texts' words and the owner, which has no order."""

    def __init__(self, of: Table, texts: Sequence[str]) -> None:
        self._words = [words_column(text) for text in texts]

    def form(self, search: Search) -> SearchForm:
        return SearchForm(parts=1, exact=True)

    def parameters(self, search: Search, viewer: Viewer) -> dict[str, Any]:
        terms = [f"'{word}'" for word in search.words] + [f"'{p}':*" for p in search.prefixes]
        return {SEARCH: " & ".join(terms)}

    def matches(self, row: Columns, form: SearchForm, viewer: Viewer) -> ColumnElement[bool]:
        """Of a row as the index has it: a B-tree over the owners is no match for both at once."""
        owners = viewer.index_prefix(row.owner_id)
        owned = (array([column]).contains(array([owner])) for column, owner in owners)
        return and_(self.test(row, form), *owned)

    def test(self, row: Columns, form: SearchForm) -> ColumnElement[bool]:
        words = [row[name] for name in self._words]
        text = reduce(lambda one, other: one.op("||", return_type=TSVECTOR())(other), words)
        query = cast(bindparam(SEARCH, type_=String), TSQUERY)
        found: ColumnElement[bool] = text.op("@@", return_type=Boolean())(query)
        return found

    def join(self, entries: Subquery, target: Column[Any]) -> tuple[FromClause, Columns]:
        # OFFSET 0 keeps the planner from turning the look-ups into a scan of the table.
        found = select(target.table).where(target == entries.c.key).offset(0).lateral("found")
        return entries.join(found, true()), found.c


FullText = SqliteSearch | PostgresSearch
