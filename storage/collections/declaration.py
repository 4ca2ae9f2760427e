"""What can be declared of a collection: checked at the start, so that no request finds it out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, Integer, String, Table, Uuid
from sqlalchemy.types import TypeEngine

from storage.collections.filters import AllOf, Bounded, EqualTo, Filter, Matches
from storage.column_types import FixedPoint, UtcDateTime, Words

ORDERED = (UtcDateTime, Date, FixedPoint, Integer, BigInteger, Boolean, Uuid)
"""The types that both databases order alike, besides text by code point, and whose values a cursor
can carry."""
INSTEAD = {
    "String": "by_code_point(length): the two databases order other text differently",
    "Text": "by_code_point(length): the two databases order other text differently",
    "Numeric": "FixedPoint(digits, places): SQLite has no decimals",
    "Float": "FixedPoint(digits, places): equal numbers must be equal on both databases",
    "DateTime": "UtcDateTime: SQLite keeps no offset",
}
WORDS_MISSING = "add *words_columns(…) with the texts of Matches to the table"
NEEDED = ("seq", "id", "created_at", "updated_at", "version", "owner_id")
LIST_PARAMETERS = {"limit", "cursor", "sort", "include_total"}
"""Parameters of every list, which no filter can be called."""
ROW_ATTRIBUTES = {"t", "tuple"}
"""Names that every row has already: a column of this name can't be read."""


def check_declaration(
    table: Table,
    sorts: Sequence[str],
    filters: Mapping[str, Filter],
    relations: Mapping[str, Table],
) -> None:
    """Raises TypeError with one sentence that names the column and the reason."""
    columns = [*NEEDED, *sorts, *relations, *(c for kind in filters.values() for c in kind.columns)]
    for name in columns:
        if name not in table.c:
            missing = WORDS_MISSING if name.endswith("_words") else "there is no such column"
            raise TypeError(f"{table.name}.{name}: {missing}")
    for name in sorts:
        _check_order(table.c[name])
    for parameter, kind in filters.items():
        if parameter in LIST_PARAMETERS:
            raise TypeError(f"{table.name}: no filter can be called {parameter}")
        for name in kind.columns:
            _check_filter(kind, table.c[name])
    if sum(isinstance(kind, Matches) for kind in filters.values()) > 1:
        raise TypeError(f"{table.name}: declare at most one Matches filter, with all texts")
    for column in table.c:
        _check_name(column)
        _check_relation(column, relations.get(column.name))


def missing_indexes(
    table: Table, sorts: Sequence[str], filters: Mapping[str, Filter], relations: Iterable[str]
) -> list[str]:
    """The lines to add below the table, one for each index that the declaration needs."""
    present = [tuple(column.name for column in index.columns) for index in table.indexes]
    needed: list[tuple[str, ...]] = [(sort,) for sort in sorts]
    needed += [
        (kind.column, "created_at") for kind in filters.values() if isinstance(kind, EqualTo)
    ]
    lines = [
        "list_index({}, {})".format(table.name, ", ".join(f'"{name}"' for name in columns))
        for columns in dict.fromkeys(needed)
        if not {(*columns, "id"), ("owner_id", *columns, "id")} <= set(present)
    ]
    # To delete a row, the database looks for those that point to it.
    begins = {columns[0] for columns in present} | {columns[0] for columns in needed}
    return [
        *lines,
        *(f"Index(None, {table.name}.c.{n})" for n in relations if n not in begins),
    ]


def _check_name(column: Column[Any]) -> None:
    if column.name.startswith("_") or column.name in ROW_ATTRIBUTES:
        raise TypeError(f"{column}: SQLAlchemy uses this name: give the column another one")


def _check_order(column: Column[Any]) -> None:
    if isinstance(column.type, ORDERED) or _is_by_code_point(column.type):
        return
    name = type(column.type).__name__
    instead = INSTEAD.get(name, f"there is no order for {name}")
    raise TypeError(f"{column}: to sort or bound by it, use {instead}")


def _check_filter(kind: Filter, column: Column[Any]) -> None:
    if isinstance(kind, Bounded):
        _check_order(column)
    if isinstance(kind, EqualTo) and isinstance(column.type, JSON):
        raise TypeError(
            f"{column}: JSON can't be compared on PostgreSQL; a list can have the filter AllOf"
        )
    if isinstance(kind, Matches) and not isinstance(column.type, String | Words):
        raise TypeError(f"{column}: only text has words to search for")
    if not isinstance(kind, AllOf):
        return
    if kind.entries.info["entries_of"][0] != column.table.name:
        raise TypeError(f"{column}: {kind.entries.name} has entries of another table")
    if column.nullable:
        raise TypeError(f"{column}: a list with the filter AllOf can be empty, but not null")
    if not isinstance(kind.entries.c.value.type, String):
        raise TypeError(f"{column}: a list with the filter AllOf has entries of text")


def _is_by_code_point(type_: TypeEngine[Any]) -> bool:
    variant = type_._variant_mapping.get("postgresql")
    return isinstance(type_, String) and getattr(variant, "collation", None) == "C"


def _check_relation(column: Column[Any], declared: Table | None) -> None:
    targets = [key.target_fullname for key in column.foreign_keys if column.name != "owner_id"]
    if f"{column.table.name}.id" in targets:
        raise TypeError(
            f"{column}: a relation can't lead to its own table: rows go with their user a part at "
            "a time, and one could go before what points to it"
        )
    if declared is None and targets:
        raise TypeError(
            f"{column}: a foreign key has to be among the relations, which check that its row is "
            "there and the viewer's"
        )
    if declared is not None and targets != [f"{declared.name}.id"]:
        raise TypeError(f"{column}: is no foreign key to {declared.name}.id")
