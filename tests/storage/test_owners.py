"""Whose items are whose: by id, in what lists are made from, and in the end."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, update

from storage import Database, items, open_database
from storage.accounts.users import create_user
from storage.collections.filters import Wanted
from storage.collections.viewers import EVERYBODY, Viewer
from storage.engines import revisions
from storage.item_tables import item_tags
from storage.items import ItemNotFound, ItemRow, ItemValues
from tests.storage.units import execute

VALUES: ItemValues = {
    "name": "Green lamp",
    "description": None,
    "status": "todo",
    "quantity": 1,
    "tags": ["home"],
}
WAYS = (Wanted(), Wanted(search="lamp"), Wanted(tags=("home",)), Wanted(statuses=("todo",)))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, auto_migrate=True) as database:
        yield database


async def a_user(database: Database, name: str) -> Viewer:
    email = f"{name}@example.com"
    user = await database.write(create_user, email=email, password_hash="")
    return Viewer.owner(user.id)


async def create(database: Database, viewer: Viewer) -> ItemRow:
    return await database.write(items.create_item, viewer, VALUES)


async def seen(database: Database, viewer: Viewer) -> list[list[UUID]]:
    """The ids that each way to list them finds."""
    return [
        [row.id for row in page.rows]
        for page in [
            await database.read(items.list_items, viewer, limit=9, after=None, wanted=wanted)
            for wanted in WAYS
        ]
    ]


def everywhere(*rows: ItemRow) -> list[list[UUID]]:
    return [[row.id for row in reversed(rows)]] * len(WAYS)


async def check(database: Database) -> None:
    """Raises an error where SQLite's full-text index isn't as the items are."""
    if await database.read(lambda connection: connection.dialect.name) == "sqlite":
        wanted = "INSERT INTO items_words (items_words, rank) VALUES ('integrity-check', 1)"
        await database.write(execute, wanted)


def give(connection: Connection, item_id: UUID, owner_id: UUID | None) -> None:
    connection.execute(
        update(items.items).where(items.items.c.id == item_id).values(owner_id=owner_id)
    )


def entries(connection: Connection) -> list[UUID]:
    return list(connection.execute(select(item_tags.c.item_id)).scalars())


async def test_who_has_no_account_and_sees_not_all_sees_nothing(database: Database) -> None:
    """There is no such viewer; were there one by mistake, what nobody owns would not be theirs."""
    item = await create(database, EVERYBODY)
    stray = Viewer(None, is_admin=False, sees_all=False)
    page = await database.read(items.list_items, stray, limit=9, after=None)
    assert page.rows == []
    assert await database.read(items.count_items, stray, Wanted(tags=("home",))) == (0, True)
    for work in (items.get_item, items.delete_item):
        with pytest.raises(ItemNotFound):
            await database.write(work, stray, item.id)


async def test_an_item_that_is_handed_over_is_found_by_its_new_owner(database: Database) -> None:
    ada, bob = await a_user(database, "ada"), await a_user(database, "bob")
    item, kept = await create(database, ada), await create(database, ada)
    for owner in (bob, ada, None, bob):
        await database.write(give, item.id, owner and owner.user_id)
        assert await seen(database, bob) == everywhere(*[item] * (owner is bob))
        assert await seen(database, ada) == everywhere(*[item] * (owner is ada), kept)
        assert await seen(database, EVERYBODY) == everywhere(item, kept)
        await check(database)


async def test_the_items_of_a_user_are_deleted_and_no_others(database: Database) -> None:
    ada, bob = await a_user(database, "ada"), await a_user(database, "bob")
    assert ada.user_id is not None
    [_, theirs, nobodys] = [await create(database, viewer) for viewer in (ada, bob, EVERYBODY)]
    await create(database, ada)
    assert await database.read(items.has_items, ada.user_id)
    await database.write(items.delete_items_of, ada.user_id)
    assert not await database.read(items.has_items, ada.user_id)
    assert await seen(database, ada) == everywhere()
    assert await seen(database, bob) == everywhere(theirs)
    assert await seen(database, EVERYBODY) == everywhere(theirs, nobodys)
    assert set(await database.read(entries)) == {theirs.id, nobodys.id}
    await check(database)
    await database.write(items.delete_items_of, ada.user_id)


async def test_a_migration_that_knows_no_owners_leaves_items_to_nobody(database: Database) -> None:
    ada = await a_user(database, "ada")
    rows = [await create(database, ada), await create(database, EVERYBODY)]
    await database.administer(revisions.downgrade, "0004")
    await database.administer(revisions.upgrade)
    assert await seen(database, ada) == everywhere()
    assert await seen(database, EVERYBODY) == everywhere(*rows)
    await check(database)
    await database.write(give, rows[0].id, ada.user_id)
    assert await seen(database, ada) == everywhere(rows[0])
    await database.write(items.delete_item, ada, rows[0].id)
    await check(database)


async def test_what_had_an_owner_before_the_lists_knew_it_is_in_theirs(database: Database) -> None:
    ada, bob = await a_user(database, "ada"), await a_user(database, "bob")
    await database.administer(revisions.downgrade, "0005")
    hers, his, nobodys = [await create(database, EVERYBODY) for _ in range(3)]
    await database.write(give, hers.id, ada.user_id)
    await database.write(give, his.id, bob.user_id)
    await database.administer(revisions.upgrade)
    assert await seen(database, ada) == everywhere(hers)
    assert await seen(database, bob) == everywhere(his)
    assert await seen(database, EVERYBODY) == everywhere(hers, his, nobodys)
    await check(database)
    await database.write(items.delete_item, ada, hers.id)
    assert await seen(database, EVERYBODY) == everywhere(his, nobodys)
    await check(database)
