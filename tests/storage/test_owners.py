"""Whose gizmos are whose: by id, in what lists are made from, and in the end."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import Connection, delete, select, update

from storage import Database, open_database
from storage.accounts.users import create_user
from storage.collections import ddl
from storage.collections.lists import Query
from storage.collections.viewers import ANONYMOUS, Viewer
from tests.gizmos import GIZMOS, GizmoNotFound, GizmoRow, GizmoValues, gizmo_tags
from tests.storage.units import INTEGRITY_CHECK, PATIENT, execute

VALUES: GizmoValues = {
    "name": "Green lamp",
    "description": None,
    "status": "todo",
    "quantity": 1,
    "tags": ["home"],
}
WAYS: tuple[Query, ...] = ({}, {"q": "lamp"}, {"tag": ("home",)}, {"status": ("todo",)})


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, auto_migrate=True, pool=PATIENT) as database:
        yield database


async def a_user(database: Database, name: str) -> Viewer:
    email = f"{name}@example.com"
    user = await database.write(create_user, email=email, password_hash="")
    return Viewer.owner(user.id)


async def create(database: Database, viewer: Viewer) -> GizmoRow:
    return await database.write(GIZMOS.create, viewer, VALUES)


async def seen(database: Database, viewer: Viewer) -> list[list[UUID]]:
    """The ids that each way to list them finds."""
    return [
        [row.id for row in page.rows]
        for page in [
            await database.read(GIZMOS.page, viewer, wanted, limit=9, after=None) for wanted in WAYS
        ]
    ]


def everywhere(*rows: GizmoRow) -> list[list[UUID]]:
    return [[row.id for row in reversed(rows)]] * len(WAYS)


async def check(database: Database) -> None:
    """Raises an error where SQLite's full-text index isn't as the gizmos are."""
    if await database.read(lambda connection: connection.dialect.name) == "sqlite":
        await database.write(execute, INTEGRITY_CHECK)


def give(connection: Connection, gizmo_id: UUID, owner_id: UUID | None) -> None:
    connection.execute(
        update(GIZMOS.table).where(GIZMOS.table.c.id == gizmo_id).values(owner_id=owner_id)
    )


def entries(connection: Connection) -> list[UUID]:
    return list(connection.execute(select(gizmo_tags.c.row_id)).scalars())


async def test_a_viewer_without_an_account_that_sees_its_own_rows_sees_none(
    database: Database,
) -> None:
    """There is no such viewer; were there one by mistake, what nobody owns would not be theirs."""
    gizmo = await create(database, ANONYMOUS)
    stray = Viewer(None, is_admin=False, sees_all=False)
    page = await database.read(GIZMOS.page, stray, {}, limit=9, after=None)
    assert page.rows == []
    assert await database.read(GIZMOS.count, stray, {"tag": ("home",)}) == (0, True)
    for work in (GIZMOS.get, GIZMOS.delete):
        with pytest.raises(GizmoNotFound):
            await database.write(work, stray, gizmo.id)


async def test_a_gizmo_that_is_handed_over_is_found_by_its_new_owner(database: Database) -> None:
    ada, bob = await a_user(database, "ada"), await a_user(database, "bob")
    gizmo, kept = await create(database, ada), await create(database, ada)
    for owner in (bob, ada, None, bob):
        await database.write(give, gizmo.id, owner and owner.user_id)
        assert await seen(database, bob) == everywhere(*[gizmo] * (owner is bob))
        assert await seen(database, ada) == everywhere(*[gizmo] * (owner is ada), kept)
        assert await seen(database, ANONYMOUS) == everywhere(gizmo, kept)
        await check(database)


async def test_the_gizmos_of_a_user_are_deleted_and_no_others(database: Database) -> None:
    ada, bob = await a_user(database, "ada"), await a_user(database, "bob")
    assert ada.user_id is not None
    [_, theirs, nobodys] = [await create(database, viewer) for viewer in (ada, bob, ANONYMOUS)]
    await create(database, ada)
    assert await database.read(GIZMOS.owner_has_rows, ada.user_id)
    await database.write(GIZMOS.delete_rows_of, ada.user_id)
    assert not await database.read(GIZMOS.owner_has_rows, ada.user_id)
    assert await seen(database, ada) == everywhere()
    assert await seen(database, bob) == everywhere(theirs)
    assert await seen(database, ANONYMOUS) == everywhere(theirs, nobodys)
    assert set(await database.read(entries)) == {theirs.id, nobodys.id}
    await check(database)
    await database.write(GIZMOS.delete_rows_of, ada.user_id)


async def test_rows_older_than_the_full_text_index_and_the_entries_are_found(
    database: Database,
) -> None:
    """As in a migration that adds them to a table with rows."""
    ada = await a_user(database, "ada")
    hers, nobodys = await create(database, ada), await create(database, ANONYMOUS)

    def make_anew(connection: Connection) -> None:
        ddl.drop_full_text(connection, "gizmos")
        ddl.drop_entries(connection, "gizmos", "tags")
        connection.execute(delete(gizmo_tags))
        ddl.create_full_text(connection, "gizmos", ["name", "description"])
        ddl.create_entries(connection, "gizmos", "tags")

    await database.administer(make_anew)
    assert await seen(database, ada) == everywhere(hers)
    assert await seen(database, ANONYMOUS) == everywhere(hers, nobodys)
    await check(database)
    await database.write(GIZMOS.delete, ada, hers.id)
    assert await seen(database, ANONYMOUS) == everywhere(nobodys)
    await check(database)
