"""Items in the database."""

from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypedDict, cast
from uuid import UUID, uuid4

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from storage.collections import quotas
from storage.collections.preconditions import ANY_VERSION, Guarded, Precondition
from storage.collections.query_plan import count_items, list_items
from storage.collections.viewers import Owned, Viewer
from storage.collections.words import words_of
from storage.errors import NotFound, QuotaExceeded, VersionConflict
from storage.item_tables import PUBLIC, items

__all__ = [
    "ItemChanges",
    "ItemNotFound",
    "ItemRow",
    "ItemValues",
    "count_items",
    "create_item",
    "delete_item",
    "delete_items_of",
    "get_item",
    "has_items",
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
SELECT = Owned(select(*PUBLIC).where(BY_ID), items.c.owner_id)
CHANGE = update(items).where(BY_ID).values(version=items.c.version + 1).returning(*PUBLIC)
UPDATE = Guarded(Owned(CHANGE, items.c.owner_id), items.c.version)
DELETE = Guarded(Owned(delete(items).where(BY_ID), items.c.owner_id), items.c.version)
DELETED_AT_ONCE = 1000
"""How many items one transaction deletes with their owner, in some 0.15 s on a busy machine: others
write in between, and no statement meets its deadline."""

NEWEST = select(func.max(items.c.created_at))


def create_item(
    connection: Connection, viewer: Viewer, values: ItemValues, *, quota: int | None = None
) -> ItemRow:
    """Create an item owned by the viewer, who may have `quota`. Raises QuotaExceeded."""
    row = {**values, **_words_of(values), "id": uuid4(), "version": 1}
    if viewer.user_id is None:
        newest = connection.execute(NEWEST).scalar_one() if is_sqlite(connection) else None
        return connection.execute(INSERT, {**row, **_created(newest), "owner_id": None}).one()
    most = quotas.UNLIMITED if quota is None else quota
    created = _create_owned(connection, viewer.user_id, most, row)
    if created is None:
        quotas.recount(connection, viewer.user_id, most)
        created = _create_owned(connection, viewer.user_id, most, row)
    if created is None:
        raise QuotaExceeded(most)
    return created


def _create_owned(
    connection: Connection, user_id: UUID, quota: int, row: dict[str, Any]
) -> ItemRow | None:
    """None where there is no room for one more."""
    if not is_sqlite(connection):
        created = quotas.insert_reserved(connection, user_id, quota, {**row, **_created(None)})
        return cast("ItemRow | None", created)
    room = quotas.reserve(connection, user_id, quota)
    if room is None:
        return None
    values = {**row, **_created(room.newest), "owner_id": user_id}
    return connection.execute(INSERT, values).one()


def get_item(connection: Connection, viewer: Viewer, item_id: UUID) -> ItemRow:
    """Raises ItemNotFound."""
    this = {"item_id": item_id, **viewer.parameters}
    row = connection.execute(SELECT.by(viewer), this).one_or_none()
    if row is None:
        raise ItemNotFound
    return row


def update_item(
    connection: Connection,
    viewer: Viewer,
    item_id: UUID,
    changes: ItemChanges,
    precondition: Precondition = ANY_VERSION,
) -> ItemRow:
    """Set `changes` and add one to the version. Raises ItemNotFound and VersionConflict."""
    this = {"item_id": item_id, **viewer.parameters, **precondition.parameters()}
    values = {**changes, **_words_of(changes), "updated_at": datetime.now(UTC)}
    row = connection.execute(UPDATE.by(viewer, precondition), {**this, **values}).one_or_none()
    return row or _refuse(connection, viewer, item_id)


def replace_item(
    connection: Connection,
    viewer: Viewer,
    item_id: UUID,
    values: ItemValues,
    precondition: Precondition = ANY_VERSION,
) -> ItemRow:
    """Set every value and add one to the version. Raises ItemNotFound and VersionConflict."""
    return update_item(connection, viewer, item_id, {**values}, precondition)


def delete_item(
    connection: Connection,
    viewer: Viewer,
    item_id: UUID,
    precondition: Precondition = ANY_VERSION,
) -> None:
    """Raises ItemNotFound and VersionConflict."""
    this = {"item_id": item_id, **viewer.parameters, **precondition.parameters()}
    if connection.execute(DELETE.by(viewer, precondition), this).rowcount == 0:
        _refuse(connection, viewer, item_id)


def has_items(connection: Connection, user_id: UUID) -> bool:
    """Whether anything belongs to this user."""
    return bool(list_items(connection, Viewer.owner(user_id), limit=1, after=None).rows)


def delete_items_of(connection: Connection, user_id: UUID) -> None:
    """Delete what belongs to this user, but no more than DELETED_AT_ONCE."""
    page = list_items(connection, Viewer.owner(user_id), limit=DELETED_AT_ONCE, after=None)
    connection.execute(delete(items).where(items.c.id.in_([row.id for row in page.rows])))


def _refuse(connection: Connection, viewer: Viewer, item_id: UUID) -> NoReturn:
    """Raise why a write met no row: ItemNotFound, whatever was asked, or else VersionConflict."""
    get_item(connection, viewer, item_id)
    raise VersionConflict


def _words_of(changes: ItemValues | ItemChanges) -> dict[str, list[str]]:
    words = {}
    if "name" in changes:
        words["name_words"] = words_of(changes["name"])
    if "description" in changes:
        words["description_words"] = words_of(changes["description"])
    return words


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _created(newest: datetime | None) -> dict[str, datetime]:
    """Now; on SQLite later than the `newest` item, so that the full-text index, which knows the
    items by number only, is in the order of creation. Its one writer makes that safe."""
    now = datetime.now(UTC)
    moment = now if newest is None else max(now, newest + timedelta(microseconds=1))
    return {"created_at": moment, "updated_at": moment}
