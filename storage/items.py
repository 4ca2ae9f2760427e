"""Items in the database."""

from datetime import UTC, datetime
from typing import Any, NamedTuple, TypedDict
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, tuple_, update

from storage.tables import items


class ItemNotFound(LookupError):
    """No item has this id."""


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


ItemRow = Row[Any]


class Position(NamedTuple):
    """A place in the list: that of its last item so far."""

    created_at: datetime
    id: UUID


class Page(NamedTuple):
    items: list[ItemRow]
    next: Position | None
    """Where the next page starts; None on the last one."""


PUBLIC = [column for column in items.c if column is not items.c.seq]
BY_ID = items.c.id == bindparam("item_id")

INSERT = insert(items).returning(*PUBLIC)
SELECT = select(*PUBLIC).where(BY_ID)
UPDATE = update(items).where(BY_ID).returning(*PUBLIC)
DELETE = delete(items).where(BY_ID)
FIRST_PAGE = (
    select(*PUBLIC).order_by(items.c.created_at.desc(), items.c.id.desc()).limit(bindparam("limit"))
)
LATER_PAGE = FIRST_PAGE.where(
    tuple_(items.c.created_at, items.c.id)
    < tuple_(
        bindparam("created_at", type_=items.c.created_at.type),
        bindparam("id", type_=items.c.id.type),
    )
)


def create_item(connection: Connection, values: ItemValues) -> ItemRow:
    now = datetime.now(UTC)
    row = {**values, "id": uuid4(), "created_at": now, "updated_at": now, "version": 1}
    return connection.execute(INSERT, row).one()


def get_item(connection: Connection, item_id: UUID) -> ItemRow:
    """Raises ItemNotFound."""
    return _found(connection.execute(SELECT, {"item_id": item_id}).one_or_none())


def list_items(connection: Connection, *, limit: int, after: Position | None) -> Page:
    """At most `limit` items, newest first, from behind `after` on."""
    statement = FIRST_PAGE if after is None else LATER_PAGE
    position = {} if after is None else after._asdict()
    rows = list(connection.execute(statement, {"limit": limit + 1, **position}))
    page = rows[:limit]
    more = len(rows) > limit
    return Page(page, Position(page[-1].created_at, page[-1].id) if more else None)


def update_item(connection: Connection, item_id: UUID, changes: ItemChanges) -> ItemRow:
    """Set `changes` and add one to the version. Raises ItemNotFound."""
    statement = UPDATE.values(version=items.c.version + 1, updated_at=datetime.now(UTC), **changes)
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
