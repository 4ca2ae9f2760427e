"""What lists are made from is as the items say, whatever is written, and costs no round trip."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from storage import Database, items, open_database
from storage.collections.filters import Wanted
from storage.collections.viewers import EVERYBODY
from storage.engines import revisions
from storage.item_tables import item_tags
from storage.items import ItemValues
from tests.sqlite import migrated_database
from tests.statements import statements
from tests.storage.units import execute, scalars

VALUES: ItemValues = {
    "name": "Green lamp",
    "description": "Für die Küche.",
    "status": "todo",
    "quantity": 1,
    "tags": ["home", "😀é\"'\\"],
}


def entries(connection: Connection) -> list[Any]:
    columns = item_tags.c.tag, item_tags.c.created_at, item_tags.c.item_id
    return [tuple(row) for row in connection.execute(select(*columns).order_by(*columns))]


def as_of(*rows: Any) -> list[Any]:
    return sorted((tag, row.created_at, row.id) for row in rows for tag in row.tags)


async def found(database: Database, search: str) -> list[str]:
    page = await database.read(
        items.list_items, EVERYBODY, limit=9, after=None, wanted=Wanted(search=search)
    )
    return [row.name for row in page.rows]


async def test_tags_follow_every_write(database: Database) -> None:
    one = await database.write(items.create_item, EVERYBODY, VALUES)
    two = await database.write(items.create_item, EVERYBODY, {**VALUES, "tags": ["home", "x"]})
    assert await database.read(entries) == as_of(one, two)
    one = await database.write(items.update_item, EVERYBODY, one.id, {"tags": ["x", "y"]})
    assert await database.read(entries) == as_of(one, two)
    one = await database.write(items.update_item, EVERYBODY, one.id, {"name": "Other"})
    assert await database.read(entries) == as_of(one, two)
    await database.write(items.delete_item, EVERYBODY, two.id)
    assert await database.read(entries) == as_of(one)


async def test_a_write_that_fails_changes_no_entry(database: Database) -> None:
    item = await database.write(items.create_item, EVERYBODY, VALUES)

    def change_and_fail(connection: Connection) -> None:
        items.update_item(connection, EVERYBODY, item.id, {"tags": ["x"], "name": "Red door"})
        items.create_item(connection, EVERYBODY, VALUES)
        raise KeyError("fact")

    with pytest.raises(KeyError, match="fact"):
        await database.write(change_and_fail)
    assert await database.read(entries) == as_of(item)
    assert await found(database, "lamp") == ["Green lamp"]
    assert await found(database, "door") == []


async def test_a_read_and_a_write_are_as_few_statements_as_before(database: Database) -> None:
    item = await database.write(items.create_item, EVERYBODY, VALUES)
    counts = {}
    for name, work in {
        "create": lambda: database.write(items.create_item, EVERYBODY, VALUES),
        "get": lambda: database.read(items.get_item, EVERYBODY, item.id),
        "update": lambda: database.write(
            items.update_item, EVERYBODY, item.id, {"name": "Red door"}
        ),
        "replace": lambda: database.write(items.replace_item, EVERYBODY, item.id, VALUES),
        "list": lambda: database.read(items.list_items, EVERYBODY, limit=9, after=None),
        "delete": lambda: database.write(items.delete_item, EVERYBODY, item.id),
    }.items():
        with statements() as seen:
            await work()  # type: ignore[no-untyped-call]  # a table of calls, each typed where it is defined
        counts[name] = len(seen)
    on_sqlite = await database.read(lambda connection: connection.dialect.name == "sqlite")
    # On SQLite a creation looks up the moment of the last one.
    assert counts.pop("create") == (2 if on_sqlite else 1)
    assert set(counts.values()) == {1}


async def test_on_sqlite_creation_has_an_order_though_the_clock_goes_back(tmp_path: Any) -> None:
    async with open_database(migrated_database(tmp_path), auto_migrate=True) as database:
        first = await database.write(items.create_item, EVERYBODY, {**VALUES, "tags": []})
        future = first.created_at + timedelta(days=1)
        await database.write(
            lambda connection: (
                connection.execute(update(items.items).values(created_at=future)).rowcount
            )
        )
        made = await asyncio.gather(
            *(database.write(items.create_item, EVERYBODY, VALUES) for _ in range(5))
        )
        assert sorted(row.created_at for row in made) == [
            future + timedelta(microseconds=number + 1) for number in range(5)
        ]


async def test_a_migration_finds_the_items_that_were_there(empty_url: str) -> None:
    async with open_database(empty_url, auto_migrate=True) as database:
        made = [await database.write(items.create_item, EVERYBODY, VALUES) for _ in range(3)]
        await database.administer(revisions.downgrade, "0001")
        # Two that the same microsecond made are, since then, in the order of their ids.
        same = "UPDATE items SET created_at = (SELECT min(created_at) FROM items)"
        await database.write(execute, same)
        await database.administer(revisions.upgrade)
        rows = [await database.read(items.get_item, EVERYBODY, row.id) for row in made]
        assert await database.read(entries) == as_of(*rows)
        expected = sorted((row.id for row in rows), reverse=True)
        for wanted in (Wanted(), Wanted(search="kuche lam*"), Wanted(tags=("home",))):
            page = await database.read(
                items.list_items, EVERYBODY, limit=2, after=None, wanted=wanted
            )
            rest = await database.read(
                items.list_items, EVERYBODY, limit=9, after=page.next, wanted=wanted
            )
            assert [row.id for row in (*page.rows, *rest.rows)] == expected


async def test_the_full_text_index_of_sqlite_agrees_with_the_items(tmp_path: Any) -> None:
    async with open_database(migrated_database(tmp_path), auto_migrate=True) as database:
        rows = [await database.write(items.create_item, EVERYBODY, VALUES) for _ in range(3)]
        await database.write(items.update_item, EVERYBODY, rows[0].id, {"description": None})
        await database.write(items.delete_item, EVERYBODY, rows[2].id)
        check = "INSERT INTO items_words (items_words, rank) VALUES ('integrity-check', 1)"
        await database.write(execute, check)
        count = "SELECT count(*) FROM items_words WHERE items_words MATCH '\"fur\"'"
        assert await database.read(scalars, count) == [1]
