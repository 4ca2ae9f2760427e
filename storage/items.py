"""Items in the database."""

from typing import Any, TypedDict

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Integer,
    Row,
    String,
    Table,
)

from storage.collections.collection import Collection
from storage.collections.filters import After, AllOf, Before, Matches, OneOf
from storage.collections.tables import (
    entries_table,
    list_index,
    resource_columns,
    words_columns,
)
from storage.column_types import by_code_point, metadata
from storage.errors import NotFound

ItemRow = Row[Any]


class ItemNotFound(NotFound):
    """No item has this id."""

    detail = "No item has this id."


class ItemValues(TypedDict):
    """The fields of an item that a client sets."""

    name: str
    description: str | None
    status: str
    quantity: int
    tags: list[str]


class ItemChanges(TypedDict, total=False):
    """Those of them that change."""

    name: str
    description: str | None
    status: str
    quantity: int
    tags: list[str]


items = Table(
    "items",
    metadata,
    *resource_columns(),
    Column("name", by_code_point(200), nullable=False),
    Column("description", String(2000)),
    Column("status", String(5), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("tags", JSON, nullable=False),
    *words_columns("name", "description"),
    CheckConstraint("status IN ('todo', 'doing', 'done')", name="status"),
    CheckConstraint("quantity >= 0", name="quantity"),
)
list_index(items, "created_at")
list_index(items, "updated_at")
list_index(items, "name")
list_index(items, "status", "created_at")
item_tags = entries_table(items, "tags", by_code_point(50))

ITEMS = Collection(
    items,
    ItemNotFound,
    sorts=("created_at", "updated_at", "name"),
    filters={
        "status": OneOf("status"),
        "tag": AllOf(item_tags),
        "q": Matches("name", "description"),
        "created_after": After("created_at"),
        "created_before": Before("created_at"),
        "updated_after": After("updated_at"),
    },
)
