"""What lists are made from is as the gizmos say, whatever is written, and costs no round trip."""

from typing import Any

import pytest
from sqlalchemy import Connection, select

from storage import Database, open_database
from storage.collections.lists import REBUILT
from storage.collections.viewers import ANONYMOUS
from tests.gizmos import GIZMOS, GizmoValues, gizmo_tags
from tests.sqlite import migrated_database
from tests.statements import statements
from tests.storage.units import INTEGRITY_CHECK, execute, scalars

VALUES: GizmoValues = {
    "name": "Green lamp",
    "description": "Für die Küche.",
    "status": "todo",
    "quantity": 1,
    "tags": ["home", "😀é\"'\\"],
}


def entries(connection: Connection) -> list[Any]:
    columns = gizmo_tags.c.value, gizmo_tags.c.created_at, gizmo_tags.c.row_id
    return [tuple(row) for row in connection.execute(select(*columns).order_by(*columns))]


def as_of(*rows: Any) -> list[Any]:
    return sorted((tag, row.created_at, row.id) for row in rows for tag in row.tags)


async def found(database: Database, search: str) -> list[str]:
    page = await database.read(GIZMOS.page, ANONYMOUS, {"q": search}, limit=9, after=None)
    return [row.name for row in page.rows]


async def test_tags_follow_every_write(database: Database) -> None:
    one = await database.write(GIZMOS.create, ANONYMOUS, VALUES)
    two = await database.write(GIZMOS.create, ANONYMOUS, {**VALUES, "tags": ["home", "x"]})
    assert await database.read(entries) == as_of(one, two)
    one = await database.write(GIZMOS.update, ANONYMOUS, one.id, {"tags": ["x", "y"]})
    assert await database.read(entries) == as_of(one, two)
    one = await database.write(GIZMOS.update, ANONYMOUS, one.id, {"name": "Other"})
    assert await database.read(entries) == as_of(one, two)
    await database.write(GIZMOS.delete, ANONYMOUS, two.id)
    assert await database.read(entries) == as_of(one)


FOUND = {
    "Łódź": ["lodz", "LÓDZ", "łodz*"],
    "Ørsted & Guðrún": ["orsted gudrun", "ørst*"],
    "So\u00adfa\u200bbed \u200e\u2764\ufe0f": ["sofabed", "SOFA\u200dBED", "sofa*"],
    "ร้านกาแฟ": ["กาแฟ", "แฟ", "ร", "ร้านกาแฟ"],
    "ພາສາລາວ": ["ລາວ", "ພາ"],
    "ភាសាខ្មែរ": ["ខ្មែរ", "សា"],
    "မြန်မာဘာသာ": ["ဘာသာ", "မြ"],
}


async def test_names_are_found_by_what_people_type(database: Database) -> None:
    for name in FOUND:
        await database.write(GIZMOS.create, ANONYMOUS, {**VALUES, "name": name})
    for name, searches in FOUND.items():
        for search in searches:
            assert await found(database, search) == [name], search
    assert await found(database, "แฟกา") == []


async def test_words_are_rebuilt_for_rows_that_have_others(database: Database) -> None:
    for number in range(REBUILT + 2):
        await database.write(GIZMOS.create, ANONYMOUS, {**VALUES, "name": f"Green lamp {number}"})
    outdated = "SET name_words = 'lampe' WHERE name <> 'Green lamp 1'"
    await database.write(execute, f"UPDATE gizmos {outdated}")
    before = await database.read(scalars, "SELECT updated_at FROM gizmos ORDER BY id")
    assert await found(database, "green") == ["Green lamp 1"]
    last: int | None = 0
    portions = 0
    while last is not None:
        last = await database.write(GIZMOS.rebuild_words, last)
        portions += 1
    assert portions == 3
    assert len(await found(database, "green lamp")) == 9
    assert await found(database, f"{REBUILT}") == [f"Green lamp {REBUILT}"]
    assert await found(database, "lampe") == []
    assert await database.read(scalars, "SELECT updated_at FROM gizmos ORDER BY id") == before


async def test_a_write_that_fails_changes_no_entry(database: Database) -> None:
    gizmo = await database.write(GIZMOS.create, ANONYMOUS, VALUES)

    def change_and_fail(connection: Connection) -> None:
        GIZMOS.update(connection, ANONYMOUS, gizmo.id, {"tags": ["x"], "name": "Red door"})
        GIZMOS.create(connection, ANONYMOUS, VALUES)
        raise KeyError("fact")

    with pytest.raises(KeyError, match="fact"):
        await database.write(change_and_fail)
    assert await database.read(entries) == as_of(gizmo)
    assert await found(database, "lamp") == ["Green lamp"]
    assert await found(database, "door") == []


async def test_a_read_and_a_write_are_as_few_statements_as_before(database: Database) -> None:
    gizmo = await database.write(GIZMOS.create, ANONYMOUS, VALUES)
    counts = {}
    for name, work in {
        "create": lambda: database.write(GIZMOS.create, ANONYMOUS, VALUES),
        "get": lambda: database.read(GIZMOS.get, ANONYMOUS, gizmo.id),
        "update": lambda: database.write(GIZMOS.update, ANONYMOUS, gizmo.id, {"name": "Red door"}),
        "replace": lambda: database.write(GIZMOS.update, ANONYMOUS, gizmo.id, VALUES),
        "list": lambda: database.read(GIZMOS.page, ANONYMOUS, {}, limit=9, after=None),
        "delete": lambda: database.write(GIZMOS.delete, ANONYMOUS, gizmo.id),
    }.items():
        with statements() as seen:
            await work()  # type: ignore[no-untyped-call]  # a table of calls, each typed where it is defined
        counts[name] = len(seen)
    assert set(counts.values()) == {1}


async def test_the_full_text_index_of_sqlite_agrees_with_the_items(tmp_path: Any) -> None:
    async with open_database(migrated_database(tmp_path), auto_migrate=True) as database:
        rows = [await database.write(GIZMOS.create, ANONYMOUS, VALUES) for _ in range(3)]
        await database.write(GIZMOS.update, ANONYMOUS, rows[0].id, {"description": None})
        await database.write(GIZMOS.delete, ANONYMOUS, rows[2].id)
        await database.write(execute, INTEGRITY_CHECK)
        count = "SELECT count(*) FROM gizmos_full_text WHERE gizmos_full_text MATCH '\"fur\"'"
        assert await database.read(scalars, count) == [1]
