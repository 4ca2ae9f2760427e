"""What the table of a resource is made of, besides its own columns."""

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import TypeEngine

from storage.collections.full_text import words_column
from storage.column_types import UtcDateTime, Words, metadata


def resource_columns() -> list[Column[Any]]:
    """The columns that a Collection needs: identity, moments, version and owner."""
    return [
        # SQLite keeps the table in the order of an integer key, here that of creation. It stays
        # inside: an id that counts would tell everyone how many rows there are.
        Column("seq", Integer, primary_key=True),
        Column("id", Uuid, nullable=False, unique=True),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
        Column("version", Integer, nullable=False),
        # Null where the row was created without an account. Without its own type, it would have
        # none in a resource that is imported before the users.
        Column("owner_id", Uuid, ForeignKey("users.id")),
    ]


def words_columns(*texts: str) -> list[Column[Any]]:
    """The columns for the words of these text columns, for the filter Matches. One for each text,
    so that a change of one needn't read the other."""
    return [
        Column(words_column(name), Words, nullable=False, server_default=text("''"))
        for name in texts
    ]


def rule(condition: str, *, of: str, otherwise: str) -> CheckConstraint:
    """A rule over several columns of a row, in SQL that both databases understand. A write that
    breaks it is refused with the sentence `otherwise` about the column `of`, whichever of the
    columns it changes."""
    # With the digest in its name, a migration can tell that the condition has changed: the
    # databases rewrite its text.
    digest = hashlib.sha256(condition.encode()).hexdigest()[:8]
    return CheckConstraint(condition, name=f"{of}_{digest}", info={"rule": (of, otherwise)})


def rules_of(table: Table) -> dict[str, tuple[str, str]]:
    """The column and the sentence of each rule, by the name of its constraint.

    Raises TypeError for a rule that isn't about a column, whose condition isn't SQL over the
    table's columns, or that stands there twice.
    """
    found: dict[str, tuple[str, str]] = {}
    for constraint in rule_constraints(table):
        name, (of, otherwise) = str(constraint.name), constraint.info["rule"]
        if of not in table.c:
            raise TypeError(f"{table.name}.{of}: a rule's `of` must name a column")
        if name in found:
            raise TypeError(f"{table.name}.{of}: the same rule stands there twice")
        columns = ", ".join(f'NULL AS "{column.name}"' for column in table.c)
        try:
            with closing(sqlite3.connect(":memory:")) as database:
                database.execute(f"SELECT {constraint.sqltext} FROM (SELECT {columns})")  # noqa: S608  # as declared
        except sqlite3.Error as error:
            raise TypeError(f"{table.name}.{of}: its rule is not valid SQL: {error}") from None
        found[name] = of, otherwise
    return found


def rule_constraints(table: Table) -> list[CheckConstraint]:
    return [
        constraint
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint) and "rule" in constraint.info
    ]


def unique_of(table: Table) -> dict[str, list[str]]:
    """Return the columns of each constraint or index over values that must be unique, by its name;
    the id is left out."""
    unique: list[UniqueConstraint | Index] = [each for each in table.indexes if each.unique]
    unique += [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    columns = {str(each.name): list(each.columns.keys()) for each in unique}
    return {name: names for name, names in columns.items() if names != ["id"]}


def initial_of(columns: Iterable[Column[Any]]) -> dict[str, Any]:
    """Return what a new row has in each column that it is given no value for: the column's default,
    if that is a constant, or null. Columns with another default are left out."""
    initial: dict[str, Any] = {}
    for column in columns:
        if isinstance(column.default, ScalarElementColumnDefault):
            initial[column.name] = column.default.arg
        elif column.nullable and column.default is None and column.server_default is None:
            initial[column.name] = None
    return initial


def list_index(table: Table, *columns: str) -> None:
    """An index for lists in the order of `columns` and `id`, and its twin for lists of one owner.

    The twin is partial, so rows without an owner cost nothing.
    """
    order = [table.c[name] for name in (*columns, "id")]
    Index(None, *order)
    _owner_index(table, *order)


def entries_table(table: Table, column: str, type_: TypeEngine[Any]) -> Table:
    """A table with a row for each different element of `column`, a JSON list of values of `type_`;
    for the filter AllOf. Triggers of the database keep it up to date (storage.collections.ddl)."""
    entries = Table(
        f"{table.name}_{column}",
        metadata,
        Column("value", type_, primary_key=True),
        Column("created_at", UtcDateTime, primary_key=True),
        Column("row_id", Uuid, primary_key=True),
        Column("owner_id", Uuid),
        sqlite_with_rowid=False,
        info={"entries_of": (table.name, column)},
    )
    _owner_index(entries, *(entries.c[name] for name in ("value", "created_at", "row_id")))
    return entries


def _owner_index(table: Table, *columns: Column[Any]) -> None:
    owned = table.c.owner_id.is_not(None)
    Index(None, table.c.owner_id, *columns, sqlite_where=owned, postgresql_where=owned)
