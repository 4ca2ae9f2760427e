"""Items in the database."""

from datetime import UTC, datetime
from typing import Any, NoReturn, TypedDict
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    String,
    Table,
    Uuid,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from storage.facts import NotFound, VersionConflict
from storage.pages import NewestFirst, Page, Position
from storage.tables import UtcDateTime, metadata
from storage.versions import ANY_VERSION, Precondition

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


items = Table(
    "items",
    metadata,
    # SQLite keeps the table in the order of an integer key, here that of creation. It stays
    # inside: an id that counts would tell everyone how many items there are.
    Column("seq", Integer, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("description", String(2000)),
    Column("status", String(5), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("status IN ('todo', 'doing', 'done')", name="status"),
    CheckConstraint("quantity >= 0", name="quantity"),
)
Index(None, items.c.created_at, items.c.id)

PUBLIC = [column for column in items.c if column is not items.c.seq]
BY_ID = items.c.id == bindparam("item_id")

INSERT = insert(items).returning(*PUBLIC)
SELECT = select(*PUBLIC).where(BY_ID)
UPDATE = update(items).where(BY_ID)
DELETE = delete(items).where(BY_ID)
LIST = NewestFirst(items, PUBLIC)


def create_item(connection: Connection, values: ItemValues) -> ItemRow:
    now = datetime.now(UTC)
    row = {**values, "id": uuid4(), "created_at": now, "updated_at": now, "version": 1}
    return connection.execute(INSERT, row).one()


def get_item(connection: Connection, item_id: UUID) -> ItemRow:
    """Raises ItemNotFound."""
    row = connection.execute(SELECT, {"item_id": item_id}).one_or_none()
    if row is None:
        raise ItemNotFound
    return row


def list_items(connection: Connection, *, limit: int, after: Position | None) -> Page:
    """At most `limit` items, newest first, from behind `after` on."""
    return LIST.page(connection, limit=limit, after=after)


def update_item(
    connection: Connection,
    item_id: UUID,
    changes: ItemChanges,
    precondition: Precondition = ANY_VERSION,
) -> ItemRow:
    """Set `changes` and add one to the version. Raises ItemNotFound and VersionConflict."""
    statement = (
        UPDATE.where(precondition.holds_for(items.c.version))
        .values(version=items.c.version + 1, updated_at=datetime.now(UTC), **changes)
        .returning(*PUBLIC)
    )
    row = connection.execute(statement, {"item_id": item_id}).one_or_none()
    return row or _refuse(connection, item_id)


def replace_item(
    connection: Connection,
    item_id: UUID,
    values: ItemValues,
    precondition: Precondition = ANY_VERSION,
) -> ItemRow:
    """Set every value and add one to the version. Raises ItemNotFound and VersionConflict."""
    return update_item(connection, item_id, {**values}, precondition)


def delete_item(
    connection: Connection, item_id: UUID, precondition: Precondition = ANY_VERSION
) -> None:
    """Raises ItemNotFound and VersionConflict."""
    statement = DELETE.where(precondition.holds_for(items.c.version))
    if connection.execute(statement, {"item_id": item_id}).rowcount == 0:
        _refuse(connection, item_id)


def _refuse(connection: Connection, item_id: UUID) -> NoReturn:
    """Raise why a write met no row: ItemNotFound, whatever was asked, or else VersionConflict."""
    get_item(connection, item_id)
    raise VersionConflict
