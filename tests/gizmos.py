"""A resource of the tests' own, which the application of every test has: gizmos, at /api/gizmos.

It is in no migration: `create_tables` makes its tables, in each database that the tests migrate.
What is generic is tested with it, so that the application's own resources can come and go.
"""

from typing import Any, TypedDict

from marshmallow.validate import Range
from sqlalchemy import JSON, Column, Connection, Integer, String, Table

from api.operations.standard import standard_operations
from schemas.base import InputSchema, merge_patch_of
from schemas.fields import (
    BoundedList,
    Choice,
    StrictInteger,
    Text,
    TrimmedText,
    VisibleText,
    about,
    unique,
)
from schemas.pages import CountedPageQuery, page_of
from schemas.queries import QueryTimestamp, Search, any_of, sort_of
from schemas.resource import resource_of
from storage.collections import ddl
from storage.collections.collection import Collection
from storage.collections.filters import After, AllOf, Before, Matches, OneOf
from storage.collections.lists import Row
from storage.collections.tables import (
    entries_table,
    list_index,
    resource_columns,
    words_columns,
)
from storage.column_types import by_code_point, metadata
from storage.errors import not_found

GizmoRow = Row
GizmoNotFound = not_found("gizmo")


class GizmoValues(TypedDict):
    """The fields of a gizmo that a client sets."""

    name: str
    description: str | None
    status: str
    quantity: int
    tags: list[str]


gizmos = Table(
    "gizmos",
    metadata,
    *resource_columns(),
    Column("name", by_code_point(200), nullable=False),
    Column("description", String(2000)),
    Column("status", String(5), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("tags", JSON, nullable=False),
    *words_columns("name", "description"),
)
for columns in (["created_at"], ["updated_at"], ["name"], ["status", "created_at"]):
    list_index(gizmos, *columns)
gizmo_tags = entries_table(gizmos, "tags", by_code_point(50))

GIZMOS = Collection(
    gizmos,
    GizmoNotFound,
    sorts=("created_at", "updated_at", "name"),
    filters={
        "status": OneOf("status"),
        "tag": AllOf(gizmo_tags),
        "q": Matches("name", "description"),
        "created_after": After("created_at"),
        "created_before": Before("created_at"),
        "updated_after": After("updated_at"),
    },
)


def gizmo_input(**fields: Any) -> dict[str, Any]:
    """A whole gizmo as a client sends it."""
    gizmo = {
        "name": "First item",
        "description": "Two for the kitchen.",
        "status": "doing",
        "quantity": 2,
        "tags": ["home", "urgent"],
    }
    return {**gizmo, **fields}


def create_tables(connection: Connection) -> None:
    for table in (gizmos, gizmo_tags):
        table.create(connection)
    ddl.create_full_text(connection, "gizmos", ["name", "description"])
    ddl.create_entries(connection, "gizmos", "tags")


TAG = about("A label.", "home")


class GizmoStatus(Choice):
    """The progress of a gizmo."""

    choices = ("todo", "doing", "done")


class GizmoInput(InputSchema):
    """A gizmo as a client sends it."""

    name = TrimmedText(required=True, min_length=1, max_length=200, metadata=about("Name.", "Orb"))
    description = Text(
        load_default=None, allow_none=True, max_length=2000, metadata=about("More.", "It glows.")
    )
    status = GizmoStatus(load_default="todo")
    quantity = StrictInteger(
        load_default=1, validate=Range(min=0, max=2_147_483_647), metadata=about("How many.", 1)
    )
    tags = BoundedList(
        VisibleText(min_length=1, max_length=50, metadata=TAG),
        max_items=20,
        load_default=list,
        validate=unique,
        metadata={**about("Labels.", ["home"]), "uniqueItems": True},
    )


GizmoPatch = merge_patch_of(GizmoInput, "GizmoPatch", example={"status": "done"})
Gizmo = resource_of(GizmoInput, "Gizmo", "A gizmo as it is stored.")
GizmoPage = page_of(Gizmo, "gizmos")


class GizmoListQuery(CountedPageQuery):
    """Which gizmos are listed, and in which order."""

    sort = sort_of("GizmoSort", "created_at", "updated_at", "name")
    status = any_of(GizmoStatus, "Gizmos with any of these statuses.")
    tag = BoundedList(
        Text(min_length=1, max_length=50, metadata=TAG),
        max_items=20,
        load_default=list,
        metadata=about("Gizmos with all of these tags.", ["home"]),
    )
    q = Search("the name or the description")
    created_after = QueryTimestamp("Gizmos created later than this.")
    created_before = QueryTimestamp("Gizmos created earlier than this.")
    updated_after = QueryTimestamp("Gizmos last written later than this.")


OPERATIONS = standard_operations(
    __name__,
    GIZMOS,
    "gizmo",
    body=GizmoInput,
    patch=GizmoPatch,
    returns=Gizmo,
    page=GizmoPage,
    query=GizmoListQuery,
)
