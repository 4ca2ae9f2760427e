"""The Database: units of work against a real SQLite file."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from storage import Database, DatabaseUnavailable, open_database, revisions


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(url_in(tmp_path), auto_migrate=True) as database:
        await database.write(execute, "CREATE TABLE notes (body TEXT UNIQUE)")
        yield database


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder}/items.db"


def execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def scalars(connection: Connection, query: str) -> list[object]:
    return list(connection.execute(text(query)).scalars())


async def notes(database: Database) -> list[object]:
    return await database.read(scalars, "SELECT body FROM notes ORDER BY body")


async def test_commits_when_the_function_returns(database: Database) -> None:
    await database.write(execute, "INSERT INTO notes VALUES ('a')")
    assert await notes(database) == ["a"]


async def test_rolls_back_when_the_function_raises(database: Database) -> None:
    def insert_and_fail(connection: Connection) -> None:
        execute(connection, "INSERT INTO notes VALUES ('a')")
        raise KeyError("fact")

    with pytest.raises(KeyError, match="fact"):
        await database.write(insert_and_fail)
    assert await notes(database) == []


async def test_refuses_to_write_in_a_read(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="readonly"):
        await database.read(execute, "INSERT INTO notes VALUES ('a')")


async def test_a_read_sees_one_state_however_long_it_takes(database: Database) -> None:
    counted, written = threading.Event(), threading.Event()

    def count_twice(connection: Connection) -> list[list[object]]:
        first = scalars(connection, "SELECT count(*) FROM notes")
        counted.set()
        written.wait()
        return [first, scalars(connection, "SELECT count(*) FROM notes")]

    reading = asyncio.ensure_future(database.read(count_twice))
    await asyncio.to_thread(counted.wait)
    await database.write(execute, "INSERT INTO notes VALUES ('a')")
    written.set()
    assert await reading == [[0], [0]]
    assert await notes(database) == ["a"]


async def test_reads_go_on_while_a_write_runs(database: Database) -> None:
    begun, finish = threading.Event(), threading.Event()

    def slow_insert(connection: Connection) -> None:
        execute(connection, "INSERT INTO notes VALUES ('a')")
        begun.set()
        finish.wait()

    writing = asyncio.ensure_future(database.write(slow_insert))
    await asyncio.to_thread(begun.wait)
    assert await notes(database) == []
    finish.set()
    await writing
    assert await notes(database) == ["a"]


async def test_writes_that_arrive_together_lose_nothing(database: Database) -> None:
    await asyncio.gather(
        *(database.write(execute, f"INSERT INTO notes VALUES ('{n:03}')") for n in range(100))
    )
    assert await notes(database) == [f"{n:03}" for n in range(100)]


async def test_a_caller_that_gives_up_leaves_a_write_whole(database: Database) -> None:
    begun, finish = threading.Event(), threading.Event()

    def insert_two(connection: Connection) -> None:
        execute(connection, "INSERT INTO notes VALUES ('a')")
        begun.set()
        finish.wait()
        execute(connection, "INSERT INTO notes VALUES ('b')")

    writing = asyncio.ensure_future(database.write(insert_two))
    await asyncio.to_thread(begun.wait)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    finish.set()
    await database.write(execute, "INSERT INTO notes VALUES ('c')")
    assert await notes(database) == ["a", "b", "c"]


async def test_is_unavailable_while_another_process_writes(
    database: Database, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "items.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="database is locked"):
        await database.write(execute, "INSERT INTO notes VALUES ('a')")
    assert await notes(database) == []
    other.execute("ROLLBACK")
    other.close()
    await database.write(execute, "INSERT INTO notes VALUES ('a')")
    assert await notes(database) == ["a"]


async def test_is_unavailable_when_the_file_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "items.db").write_bytes(b"This is no SQLite database at all." * 100)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        async with open_database(url_in(tmp_path), auto_migrate=True):
            pass


async def test_a_mistake_in_a_statement_is_not_the_database_being_away(
    database: Database,
) -> None:
    await database.write(execute, "INSERT INTO notes VALUES ('a')")
    with pytest.raises(Exception, match="UNIQUE constraint failed") as caught:
        await database.write(execute, "INSERT INTO notes VALUES ('a')")
    assert not isinstance(caught.value, DatabaseUnavailable)


async def test_writes_survive_a_power_cut(database: Database) -> None:
    pragmas = {}
    for name in ("journal_mode", "synchronous", "foreign_keys"):
        pragmas[name] = await database.administer(scalars, f"PRAGMA {name}")
    assert pragmas == {"journal_mode": ["wal"], "synchronous": [2], "foreign_keys": [1]}


async def test_a_start_migrates_where_it_may(tmp_path: Path) -> None:
    async with open_database(url_in(tmp_path), auto_migrate=True) as database:
        assert await database.read(revisions.current) == "0001"


async def test_a_start_stops_at_a_database_that_is_behind(tmp_path: Path) -> None:
    with pytest.raises(revisions.DatabaseBehind, match=r"at revision none, .* needs 0001: run"):
        async with open_database(url_in(tmp_path), auto_migrate=False):
            pass


@pytest.mark.parametrize("auto_migrate", [True, False])
async def test_a_start_stops_at_a_database_that_is_ahead(
    tmp_path: Path, auto_migrate: bool
) -> None:
    async with open_database(url_in(tmp_path), auto_migrate=True) as database:
        await database.write(execute, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(revisions.DatabaseAhead, match="revision 9999, which this version doesn't"):
        async with open_database(url_in(tmp_path), auto_migrate=auto_migrate):
            pass


async def test_the_first_unit_of_work_prepares_what_nobody_entered(tmp_path: Path) -> None:
    database = open_database(url_in(tmp_path), auto_migrate=True)
    assert await database.read(revisions.current) == "0001"
    await database.close()


async def test_starts_at_the_same_time_migrate_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "storage.revisions")
    databases = [open_database(url_in(tmp_path), auto_migrate=True) for _ in range(8)]
    await asyncio.gather(*(database.__aenter__() for database in databases))
    for database in databases:
        await database.close()
    assert caplog.messages == ["migrated the database from nothing to 0001"]
