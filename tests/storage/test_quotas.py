"""How many gizmos a user may have, whatever races for the last place."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import Connection, func, select

from storage import Database, open_database
from storage.accounts.users import create_user
from storage.collections.creation import quotas
from storage.collections.viewers import ANONYMOUS, Viewer
from storage.errors import QuotaExceeded, SignedOut
from tests.gizmos import GIZMOS, GizmoRow, GizmoValues
from tests.statements import statements
from tests.storage.units import PATIENT

QUOTA = 5
VALUES: GizmoValues = {
    "name": "Green lamp",
    "description": None,
    "status": "todo",
    "quantity": 1,
    "tags": ["home"],
}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, auto_migrate=True, pool=PATIENT) as database:
        yield database


@pytest.fixture
async def ada(database: Database) -> Viewer:
    return await a_user(database, "ada")


async def a_user(database: Database, name: str) -> Viewer:
    email = f"{name}@example.com"
    user = await database.write(create_user, email=email, password_hash="")
    return Viewer.owner(user.id)


async def create(database: Database, viewer: Viewer, quota: int | None = QUOTA) -> GizmoRow:
    return await database.write_statement(GIZMOS.create, viewer, VALUES, quota=quota)


async def count(database: Database, viewer: Viewer) -> int:
    owned = select(func.count()).where(GIZMOS.table.c.owner_id == viewer.user_id)
    return await database.read(lambda connection: connection.execute(owned).scalar_one())


async def at_most(database: Database, viewer: Viewer) -> int:
    known = select(quotas.c.at_most).where(quotas.c.owner_id == viewer.user_id)
    return await database.read(lambda connection: connection.execute(known).scalar() or 0)


async def test_one_more_than_the_quota_is_refused(database: Database, ada: Viewer) -> None:
    for _ in range(QUOTA):
        await create(database, ada)
    for _ in range(2):
        with pytest.raises(QuotaExceeded) as caught:
            await create(database, ada)
        assert caught.value.quota == QUOTA
    assert await count(database, ada) == QUOTA
    bob = await a_user(database, "bob")
    await create(database, bob)
    await create(database, ANONYMOUS, quota=0)


async def test_creates_at_once_share_what_room_there_is(database: Database, ada: Viewer) -> None:
    for _ in range(QUOTA - 2):
        await create(database, ada)
    results = await asyncio.gather(
        *(create(database, ada) for _ in range(30)), return_exceptions=True
    )
    assert sum(isinstance(result, QuotaExceeded) for result in results) == 28
    assert await count(database, ada) == QUOTA


async def test_deletions_at_once_make_room_and_no_more_than_that(
    database: Database, ada: Viewer
) -> None:
    rows = [await create(database, ada) for _ in range(QUOTA)]
    deletions = [database.write(GIZMOS.delete, ada, row.id) for row in rows[:3]]
    creates = [create(database, ada) for _ in range(20)]
    results = await asyncio.gather(*deletions, *creates, return_exceptions=True)
    created = sum(not isinstance(result, BaseException) for result in results[3:])
    assert await count(database, ada) == QUOTA - 3 + created <= QUOTA
    for _ in range(3 - created):
        await create(database, ada)
    with pytest.raises(QuotaExceeded):
        await create(database, ada)


async def test_a_create_that_is_rolled_back_does_not_count(database: Database, ada: Viewer) -> None:
    def create_and_fail(connection: Connection) -> None:
        GIZMOS.create(connection, ada, VALUES, quota=QUOTA)
        raise LookupError

    for _ in range(2 * QUOTA):
        with pytest.raises(LookupError):
            await database.write(create_and_fail)
    assert await at_most(database, ada) == 0


async def test_a_quota_that_comes_or_changes_later_holds(database: Database, ada: Viewer) -> None:
    for _ in range(QUOTA + 3):
        await create(database, ada, None)
    assert await at_most(database, ada) == QUOTA + 3
    for quota in (QUOTA, QUOTA + 3):
        with pytest.raises(QuotaExceeded):
            await create(database, ada, quota)
    await create(database, ada, QUOTA + 4)
    with pytest.raises(QuotaExceeded):
        await create(database, ada, QUOTA + 4)


async def test_a_create_of_a_deleted_user_raises_signed_out(database: Database) -> None:
    with pytest.raises(SignedOut):
        await create(database, Viewer.owner(uuid4()))


async def test_gizmos_are_counted_only_where_the_quota_is_met(
    database: Database, ada: Viewer
) -> None:
    rows = [await create(database, ada) for _ in range(QUOTA)]
    await database.write(GIZMOS.delete, ada, rows[0].id)
    await database.write(GIZMOS.delete, ada, rows[1].id)
    counts = []
    for _ in range(2):
        with statements() as seen:
            await create(database, ada)
        counts.append(sum("count(" in found.text for found in seen))
    assert counts == [1, 0]
