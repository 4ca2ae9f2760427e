"""Where SQLite and PostgreSQL differ about lists: the full-text index, and how to go from an
index's entries to their rows. Everything else is the same SQL."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    FromClause,
    Integer,
    String,
    Subquery,
    Table,
    Text,
    TypeDecorator,
    and_,
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
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.types import TypeEngine

from storage.collections.viewers import Viewer
from storage.collections.words import Search

Columns = ReadOnlyColumnCollection[str, Any]

INDEXED_PREFIX = 4
"""The longest prefix that SQLite's index is made for; what is longer is looked up in the words."""


def words_column(text: str) -> str:
    """The name of the column with the words of the column `text`."""
    return f"{text}_words"


def index_name(table: str) -> str:
    """The name of a table's full-text index, which in SQLite is a table itself."""
    return f"{table}_full_text"


class Words(TypeDecorator[list[str]]):
    """The words of a text, as the database's full-text index takes them."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return TSVECTOR() if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> str | None:
        # A word has letters, digits and marks only, so a quote never needs a quote.
        quote = "'" if dialect.name == "postgresql" else ""
        return None if value is None else " ".join(f"{quote}{word}{quote}" for word in value)


class SqliteSearch:
    """fts5: its entries are numbered like the rows, in the order of their creation."""

    def __init__(self, of: Table, texts: Sequence[str]) -> None:
        self._name = index_name(of.name)
        self._words = [words_column(text) for text in texts]
        self.entries = table(self._name, column("rowid", Integer))

    def matches(self, row: Columns, search: Search, viewer: Viewer) -> ColumnElement[bool]:
        """Of an entry of the index: not yet all that is asked for if a prefix is long. The owner is
        a term there like the words, but none that a text could have."""
        prefixes = sorted({prefix[:INDEXED_PREFIX] for prefix in search.prefixes})
        terms = [f'"{word}"' for word in search.words] + [f'"{prefix}"*' for prefix in prefixes]
        terms += [f'"@{owner.hex}"' for _, owner in viewer.index_prefix(row.owner_id)]
        return literal_column(self._name, String).op("MATCH")(" ".join(terms))

    def is_exact(self, search: Search) -> bool:
        return all(len(prefix) <= INDEXED_PREFIX for prefix in search.prefixes)

    def test(self, row: Columns, search: Search) -> ColumnElement[bool]:
        """Of a row, all that is asked for."""
        text: ColumnElement[Any] = literal(" ")
        for name in self._words:
            text = text + type_coerce(row[name], Text) + " "
        parts = [f" {word} " for word in search.words] + [f" {p}" for p in search.prefixes]
        return and_(*(func.instr(text, part) > 0 for part in parts))

    def join(self, entries: Subquery, key: str, target: Column[Any]) -> tuple[FromClause, Columns]:
        """`entries` with their rows, in the order of `entries`, and the rows' columns."""
        return entries.join(target.table, target == entries.c[key]), target.table.c


class PostgresSearch:
    """A GIN index over the texts' words and the owner, which has no order."""

    def __init__(self, of: Table, texts: Sequence[str]) -> None:
        self._words = [words_column(text) for text in texts]

    def matches(self, row: Columns, search: Search, viewer: Viewer) -> ColumnElement[bool]:
        """Of a row as the index has it: a B-tree over the owners is no match for both at once."""
        owners = viewer.index_prefix(row.owner_id)
        owned = (array([column]).contains(array([literal(o, column.type)])) for column, o in owners)
        return and_(self.test(row, search), *owned)

    def is_exact(self, search: Search) -> bool:
        return True

    def test(self, row: Columns, search: Search) -> ColumnElement[bool]:
        terms = [f"'{word}'" for word in search.words] + [f"'{p}':*" for p in search.prefixes]
        words = [row[name] for name in self._words]
        text = reduce(lambda one, other: one.op("||", return_type=TSVECTOR())(other), words)
        query = cast(literal(" & ".join(terms)), TSQUERY)
        found: ColumnElement[bool] = text.op("@@", return_type=Boolean())(query)
        return found

    def join(self, entries: Subquery, key: str, target: Column[Any]) -> tuple[FromClause, Columns]:
        # OFFSET 0 keeps the planner from turning the look-ups into a scan of the table.
        found = select(target.table).where(target == entries.c[key]).offset(0).lateral("found")
        return entries.join(found, true()), found.c


FullText = SqliteSearch | PostgresSearch


def full_text_of(of: Table, texts: Sequence[str]) -> dict[str, FullText]:
    """The search in each kind of database, by the name of its dialect."""
    return {"sqlite": SqliteSearch(of, texts), "postgresql": PostgresSearch(of, texts)}
