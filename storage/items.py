"""Items in the database."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from storage.facts import NotFound
from storage.item_tables import PUBLIC, items
from storage.listing import count_items, list_items
from storage.words import words_of

__all__ = [
    "ItemChanges",
    "ItemNotFound",
    "ItemRow",
    "ItemValues",
    "count_items",
    "create_item",
    "delete_item",
    "get_item",
    "items",
    "list_items",
    "replace_item",
    "update_item",
]

ItemRow = Row[Any]


class ItemNotFound(NotFound):
    """No item has this id."""

    detail = "No item has this id."


class ItemValues(TypedDict):
    """What a client decides about an item, all of it."""

    name: str
    description: str | None
    status: str
    quantity: int
    tags: list[str]


class ItemChanges(TypedDict, total=False):
    """What a client decides about an item, as far as it changes."""

    name: str
    description: str | None
    status: str
    quantity: int
    tags: list[str]


BY_ID = items.c.id == bindparam("item_id")

INSERT = insert(items).returning(*PUBLIC)
SELECT = select(*PUBLIC).where(BY_ID)
UPDATE = update(items).where(BY_ID).returning(*PUBLIC)
DELETE = delete(items).where(BY_ID)
NEWEST = select(func.max(items.c.created_at))


def create_item(connection: Connection, values: ItemValues) -> ItemRow:
    now = _moment_of_creation(connection)
    row = {"id": uuid4(), "created_at": now, "updated_at": now, "version": 1}
    return connection.execute(INSERT, {**values, **_words_of(values), **row}).one()


def get_item(connection: Connection, item_id: UUID) -> ItemRow:
    """Raises ItemNotFound."""
    return _found(connection.execute(SELECT, {"item_id": item_id}).one_or_none())


def update_item(connection: Connection, item_id: UUID, changes: ItemChanges) -> ItemRow:
    """Set `changes` and add one to the version. Raises ItemNotFound."""
    statement = UPDATE.values(
        version=items.c.version + 1,
        updated_at=datetime.now(UTC),
        **changes,
        **_words_of(changes),
    )
    return _found(connection.execute(statement, {"item_id": item_id}).one_or_none())


def replace_item(connection: Connection, item_id: UUID, values: ItemValues) -> ItemRow:
    """Set every value and add one to the version. Raises ItemNotFound."""
    return update_item(connection, item_id, {**values})


def delete_item(connection: Connection, item_id: UUID) -> None:
    """Raises ItemNotFound."""
    if connection.execute(DELETE, {"item_id": item_id}).rowcount == 0:
        raise ItemNotFound


def _found(row: ItemRow | None) -> ItemRow:
    if row is None:
        raise ItemNotFound
    return row


def _words_of(changes: ItemValues | ItemChanges) -> dict[str, list[str]]:
    words = {}
    if "name" in changes:
        words["name_words"] = words_of(changes["name"])
    if "description" in changes:
        words["description_words"] = words_of(changes["description"])
    return words


def _moment_of_creation(connection: Connection) -> datetime:
    """Now; on SQLite later than that of any other item, so that the full-text index, which knows
    the items by number only, is in the order of creation. Its one writer makes that safe."""
    now = datetime.now(UTC)
    if connection.dialect.name != "sqlite":
        return now
    newest: datetime | None = connection.execute(NEWEST).scalar_one()
    return now if newest is None else max(now, newest + timedelta(microseconds=1))
