"""The tables behind items. What lists are made from is kept right by the databases' own triggers,
which migrations/versions/0002_lists.py makes: item_tags and, on SQLite, the full-text index."""

from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    text,
)

from storage.accounts.tables import users
from storage.collections.full_text import Words
from storage.column_types import UtcDateTime, by_code_point, metadata

items = Table(
    "items",
    metadata,
    # SQLite keeps the table in the order of an integer key, here that of creation. It stays
    # inside: an id that counts would tell everyone how many items there are.
    Column("seq", Integer, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("name", by_code_point(200), nullable=False),
    Column("description", String(2000)),
    Column("status", String(5), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
    # One column for each text, so that a change of one needn't read the other.
    Column("name_words", Words, nullable=False, server_default=text("''")),
    Column("description_words", Words, nullable=False, server_default=text("''")),
    # Null where it was created without an account.
    Column("owner_id", ForeignKey(users.c.id)),
    CheckConstraint("status IN ('todo', 'doing', 'done')", name="status"),
    CheckConstraint("quantity >= 0", name="quantity"),
)

item_tags = Table(
    "item_tags",
    metadata,
    Column("tag", by_code_point(50), primary_key=True),
    Column("created_at", UtcDateTime, primary_key=True),
    Column("item_id", Uuid, primary_key=True),
    Column("owner_id", Uuid),
    sqlite_with_rowid=False,
)


def owned_index(table: Table, *columns: Column[Any]) -> None:
    """For who sees only what is theirs. What has no owner costs it nothing."""
    owned = table.c.owner_id.is_not(None)
    Index(None, table.c.owner_id, *columns, sqlite_where=owned, postgresql_where=owned)


for order in (
    [items.c.created_at, items.c.id],
    [items.c.updated_at, items.c.id],
    [items.c.name, items.c.id],
    [items.c.status, items.c.created_at, items.c.id],
):
    Index(None, *order)
    owned_index(items, *order)
owned_index(item_tags, item_tags.c.tag, item_tags.c.created_at, item_tags.c.item_id)

INTERNAL = {"seq", "name_words", "description_words", "owner_id"}
PUBLIC = [column for column in items.c if column.name not in INTERNAL]
