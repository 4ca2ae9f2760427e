"""What can be declared of a table: what is unsound stops the start and is named with its reason."""

from typing import Any

import pytest
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from storage.collections.collection import COLLECTIONS, Collection
from storage.collections.filters import After, AllOf, EqualTo, Filter, Matches, OneOf
from storage.collections.tables import (
    entries_table,
    initial_of,
    resource_columns,
    rule,
    words_columns,
)
from storage.column_types import by_code_point, metadata
from tests.bookings import BookingNotFound
from tests.gizmos import GIZMOS


def test_only_a_constant_is_used_as_a_default() -> None:
    columns = [
        Column("constant", Integer, default=0),
        Column("computed", Integer, default=lambda: 0),
        Column("of_the_database", Integer, server_default="0"),
        Column("none", Integer),
        Column("needed", Integer, nullable=False),
    ]
    assert initial_of(columns) == {"constant": 0, "none": None}


def declared(*parts: SchemaItem, **options: Any) -> None:
    table = Table("things", MetaData(), *resource_columns(), *parts)
    before = list(COLLECTIONS)
    try:
        Collection(table, BookingNotFound, **options)
    finally:
        COLLECTIONS[:] = before


def entries(of: str, column: str, type_: TypeEngine[Any] | None = None) -> Table:
    """A table of entries that no metadata knows."""
    table = Table(of, metadata, *resource_columns(), Column(column, JSON))
    made = entries_table(table, column, type_ or by_code_point(9))
    metadata.remove(table)
    metadata.remove(made)
    return made


UNSOUND: list[tuple[list[SchemaItem], dict[str, Any], str]] = [
    ([], {"sorts": ["nothing"]}, "things.nothing: there is no such column"),
    ([Column("x", String(9))], {"sorts": ["x"]}, r"things.x: .* use by_code_point"),
    ([Column("x", Numeric(9, 2))], {"sorts": ["x"]}, r"things.x: .* use FixedPoint"),
    ([Column("x", Float)], {"sorts": ["x"]}, r"things.x: .* use FixedPoint"),
    ([Column("x", DateTime)], {"filters": {"a": After("x")}}, r"things.x: .* use UtcDateTime"),
    ([], {"filters": {"cursor": EqualTo("id")}}, "no filter can be called cursor"),
    ([], {"filters": {"x": OneOf("x")}}, "things.x: there is no such column"),
    (
        [Column("x", String(9))],
        {"filters": {"q": Matches("x")}},
        r"things.x_words: add \*words",
    ),
    (
        [Column("x", Integer), *words_columns("x")],
        {"filters": {"q": Matches("x")}},
        "things.x: only text has words",
    ),
    ([Column("x", JSON)], {"filters": {"x": EqualTo("x")}}, "things.x: JSON can't be compared"),
    ([Column("x", JSON)], {"filters": {"x": AllOf(entries("things", "x"))}}, "not null"),
    (
        [Column("x", JSON, nullable=False)],
        {"filters": {"x": AllOf(entries("things", "x", Integer()))}},
        "things.x: a list with the filter AllOf has entries of text",
    ),
    (
        [Column("x", JSON, nullable=False)],
        {"filters": {"x": AllOf(entries("others", "x"))}},
        "things.x: others_x has entries of another table",
    ),
    ([Column("_x", Integer)], {}, "things._x: SQLAlchemy uses this name"),
    ([Column("tuple", Integer)], {}, "things.tuple: SQLAlchemy uses this name"),
    ([Column("x", ForeignKey("gizmos.id"))], {}, "things.x: a foreign key has to be among"),
    (
        [Column("x", ForeignKey("things.id"))],
        {},
        "things.x: a relation can't lead to its own table",
    ),
    ([Column("x", Integer)], {"relations": {"x": GIZMOS}}, "things.x: is no foreign key to gizmos"),
    ([rule("x < 9", of="x", otherwise="")], {}, "things.x: a rule's `of` must name a column"),
]


@pytest.mark.parametrize(("parts", "options", "reason"), UNSOUND)
def test_an_unsound_declaration_stops_the_start(
    parts: list[SchemaItem], options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        declared(*parts, **options)


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda one: one.table.name)
def test_a_table_has_the_indexes_that_its_declaration_needs(collection: Collection) -> None:
    missing = collection.missing_indexes()
    assert not missing, "Add below the table:\n" + "\n".join(missing)


def test_a_missing_index_is_named_by_the_line_to_add() -> None:
    filters: dict[str, Filter] = {"floor": EqualTo("floor")}
    table = Table("things", MetaData(), *resource_columns(), Column("floor", Integer))
    before = list(COLLECTIONS)
    collection = Collection(table, BookingNotFound, sorts=["floor"], filters=filters)
    COLLECTIONS[:] = before
    assert collection.missing_indexes() == [
        'list_index(things, "floor")',
        'list_index(things, "floor", "created_at")',
    ]
