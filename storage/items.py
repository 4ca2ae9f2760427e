"""Items in the database."""

from sqlalchemy import JSON, CheckConstraint, Column, Integer, String, Table

from storage.collections.collection import Collection
from storage.collections.filters import After, AllOf, Before, Matches, OneOf
from storage.collections.tables import entries_table, list_index, resource_columns, words_columns
from storage.column_types import by_code_point, metadata
from storage.errors import not_found

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
    not_found("item"),
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
