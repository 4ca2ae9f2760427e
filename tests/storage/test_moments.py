"""`created_at` and `updated_at` when writes meet, and when the clock was ahead."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, insert, update

from storage import Database, DatabaseUnavailable, open_database
from storage.accounts.tables import users
from storage.accounts.users import create_user, update_user
from storage.collections.collection import Collection
from storage.collections.creation import EPOCH, MICROSECOND
from storage.collections.viewers import ANONYMOUS, OPERATOR
from tests.bookings import BOOKINGS
from tests.gizmos import GIZMOS
from tests.storage.test_collections import GIZMO, booking
from tests.storage.units import PATIENT

HOUR = timedelta(hours=1)
VALUES: dict[Collection, dict[str, Any]] = {
    GIZMOS: {**GIZMO, "tags": ["home"]},
    BOOKINGS: booking(1, guest="Ada", kind="room", extras=["sea"]),
}
CHANGES: dict[Collection, dict[str, Any]] = {GIZMOS: {"quantity": 2}, BOOKINGS: {"floor": 2}}
FILTERS: dict[Collection, list[dict[str, Any]]] = {
    GIZMOS: [{"q": "key"}, {"tag": ["home"]}, {"status": ["todo"]}],
    BOOKINGS: [{"q": "ada"}, {"extra": ["sea"]}, {"kind": ["room"]}],
}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, auto_migrate=True, pool=PATIENT) as database:
        yield database


@pytest.fixture(params=[GIZMOS, BOOKINGS], ids=["gizmos", "bookings"])
def collection(request: pytest.FixtureRequest) -> Collection:
    found: Collection = request.param
    return found


async def create(database: Database, collection: Collection) -> Any:
    return await database.write(collection.create, ANONYMOUS, VALUES[collection])


async def change(database: Database, collection: Collection, row_id: UUID) -> Any:
    return await database.write(collection.update, ANONYMOUS, row_id, CHANGES[collection])


def written_at(connection: Connection, collection: Collection, moment: datetime) -> None:
    """Create a row as if the clock had shown `moment`."""
    values = {**collection.initial, **VALUES[collection], "owner_id": None, "version": 1}
    moments = {"created_at": moment, "updated_at": moment}
    row = {**values, **collection._texts.words_of(values), "id": UUID(int=1), **moments}
    if connection.dialect.name == "sqlite":
        row["seq"] = (moment - EPOCH) // MICROSECOND
    connection.execute(insert(collection.table), row)


async def test_updated_at_rises_with_the_version(
    database: Database, collection: Collection
) -> None:
    row = await create(database, collection)
    together = await asyncio.gather(
        *(change(database, collection, row.id) for _ in range(30)), return_exceptions=True
    )
    # On a busy machine PostgreSQL's deadline may end some that wait for the row.
    changed = [one for one in together if not isinstance(one, DatabaseUnavailable)]
    by_version = sorted([row, *changed], key=lambda one: one.version)
    assert len(changed) > 1
    assert [one.version for one in by_version] == list(range(1, len(changed) + 2))
    moments = [one.updated_at for one in by_version]
    assert moments == sorted(set(moments))
    assert row.created_at == row.updated_at


@pytest.mark.parametrize(
    "ahead",
    [
        datetime(2099, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2100, 2, 28, 23, 59, 59, 999_998, tzinfo=UTC),
    ],
)
async def test_a_change_is_later_though_the_clock_was_ahead(
    database: Database, collection: Collection, ahead: datetime
) -> None:
    row = await create(database, collection)

    def set_ahead(connection: Connection) -> None:
        connection.execute(update(collection.table).values(updated_at=ahead))

    await database.write(set_ahead)
    for number in (1, 2):
        changed = await change(database, collection, row.id)
        assert changed.updated_at == ahead + number * MICROSECOND
        assert changed == await database.read(collection.get, ANONYMOUS, row.id)


async def test_an_account_changes_later_too(database: Database) -> None:
    user = await database.write(create_user, email="ada@example.com", password_hash="")
    ahead = datetime.now(UTC) + HOUR

    def set_ahead(connection: Connection) -> None:
        connection.execute(update(users).values(updated_at=ahead))

    await database.write(set_ahead)
    changed = await database.write(update_user, OPERATOR, user.id, {"active": False})
    assert (changed.version, changed.updated_at) == (2, ahead + MICROSECOND)


async def test_a_clock_that_was_ahead_leaves_later_rows_alone(
    database: Database, collection: Collection
) -> None:
    """They have the time of their creation, and each list has them in that order."""
    await database.write(written_at, collection, datetime.now(UTC) + HOUR)
    for _ in range(5):
        row = await create(database, collection)
        assert datetime.now(UTC) - HOUR < row.created_at <= datetime.now(UTC)
    for query in [{}, *FILTERS[collection]]:
        for sort in ("created_at", "-created_at"):
            seen: list[datetime] = []
            after, more = None, True
            while more:
                page = await database.read(
                    collection.page, ANONYMOUS, {**query, "sort": sort}, limit=2, after=after
                )
                seen += [row.created_at for row in page.rows]
                after, more = page.next, page.next is not None
            assert len(seen) == 6
            assert seen == sorted(seen, reverse=sort.startswith("-")), query
