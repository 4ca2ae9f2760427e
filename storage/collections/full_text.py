"""Where SQLite and PostgreSQL differ about lists: the full-text index, and how to go from an
index's entries to their items. Everything else is the same SQL."""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    FromClause,
    Integer,
    String,
    Subquery,
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
    """fts5: its entries are numbered like the items, in the order of their creation."""

    entries = table("items_words", column("rowid", Integer))

    def matches(self, row: Columns, search: Search, viewer: Viewer) -> ColumnElement[bool]:
        """Of an entry of the index: not yet all that is asked for if a prefix is long. The owner is
        a term there like the words, but none that a text could have."""
        prefixes = sorted({prefix[:INDEXED_PREFIX] for prefix in search.prefixes})
        asked = [f'"{word}"' for word in search.words] + [f'"{prefix}"*' for prefix in prefixes]
        asked += [f'"@{owner.hex}"' for _, owner in viewer.behind(row.owner_id)]
        return literal_column("items_words", String).op("MATCH")(" ".join(asked))

    def is_exact(self, search: Search) -> bool:
        return all(len(prefix) <= INDEXED_PREFIX for prefix in search.prefixes)

    def test(self, row: Columns, search: Search) -> ColumnElement[bool]:
        """Of a row of items, all that is asked for."""
        texts = [type_coerce(text, Text) for text in (row.name_words, row.description_words)]
        text = literal(" ") + texts[0] + " " + texts[1] + " "
        asked = [f" {word} " for word in search.words] + [f" {p}" for p in search.prefixes]
        return and_(*(func.instr(text, part) > 0 for part in asked))

    def join(self, entries: Subquery, key: str, target: Column[Any]) -> tuple[FromClause, Columns]:
        """`entries` with their items, in the order of `entries`, and the items' columns."""
        return entries.join(target.table, target == entries.c[key]), target.table.c


class PostgresSearch:
    """A GIN index over both texts' words and the owner, which has no order."""

    def matches(self, row: Columns, search: Search, viewer: Viewer) -> ColumnElement[bool]:
        """Of a row as the index has it: a B-tree over the owners is no match for both at once."""
        owners = viewer.behind(row.owner_id)
        owned = (array([column]).contains(array([literal(o, column.type)])) for column, o in owners)
        return and_(self.test(row, search), *owned)

    def test(self, row: Columns, search: Search) -> ColumnElement[bool]:
        asked = [f"'{word}'" for word in search.words] + [f"'{p}':*" for p in search.prefixes]
        both = row.name_words.op("||", return_type=TSVECTOR())(row.description_words)
        query = cast(literal(" & ".join(asked)), TSQUERY)
        found: ColumnElement[bool] = both.op("@@", return_type=Boolean())(query)
        return found

    def join(self, entries: Subquery, key: str, target: Column[Any]) -> tuple[FromClause, Columns]:
        # OFFSET 0 keeps the planner from turning the look-ups into a scan of the table.
        found = select(target.table).where(target == entries.c[key]).offset(0).lateral("found")
        return entries.join(found, true()), found.c


FullText = SqliteSearch | PostgresSearch
SEARCH: dict[str, FullText] = {"sqlite": SqliteSearch(), "postgresql": PostgresSearch()}
