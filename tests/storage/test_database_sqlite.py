"""What holds on SQLite alone: its lock, its file, its pragmas."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from storage import Database, DatabaseUnavailable, open_database
from storage.engines import revisions
from storage.engines.database import Kind, ignore
from storage.engines.sqlite import SqliteDatabase
from tests.sqlite import migrated_database
from tests.storage.units import Gate, execute, notes, scalars


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(migrated_database(tmp_path), auto_migrate=True) as database:
        await database.write(execute, "CREATE TABLE notes (body TEXT UNIQUE)")
        yield database


async def test_refuses_to_write_in_a_read(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="readonly"):
        await database.read(execute, "INSERT INTO notes VALUES ('a')")


async def test_a_read_sees_one_state_however_long_it_takes(database: Database) -> None:
    gate = Gate()

    def count_twice(connection: Connection) -> list[list[object]]:
        first = scalars(connection, "SELECT count(*) FROM notes")
        gate.wait(connection)
        return [first, scalars(connection, "SELECT count(*) FROM notes")]

    reading = asyncio.ensure_future(database.read(count_twice))
    await gate.reached.wait()
    await database.write(execute, "INSERT INTO notes VALUES ('a')")
    gate.opened.set()
    assert await reading == [[0], [0]]
    assert await notes(database) == ["a"]


async def test_a_caller_that_gives_up_leaves_a_write_whole(database: Database) -> None:
    gate = Gate()

    def insert_two(connection: Connection) -> None:
        execute(connection, "INSERT INTO notes VALUES ('a')")
        gate.wait(connection)
        execute(connection, "INSERT INTO notes VALUES ('b')")

    writing = asyncio.ensure_future(database.write(insert_two))
    await gate.reached.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    gate.opened.set()
    await database.write(execute, "INSERT INTO notes VALUES ('c')")
    assert await notes(database) == ["a", "b", "c"]


async def test_is_unavailable_while_another_process_writes(
    database: Database, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "api.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="database is locked"):
        await database.write(execute, "INSERT INTO notes VALUES ('a')")
    assert await notes(database) == []
    other.execute("ROLLBACK")
    other.close()
    await database.write(execute, "INSERT INTO notes VALUES ('a')")
    assert await notes(database) == ["a"]


async def test_is_unavailable_when_the_file_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "api.db").write_bytes(b"This is no SQLite database at all." * 100)
    with pytest.raises(DatabaseUnavailable, match="not a database"):
        async with open_database(f"sqlite:///{tmp_path}/api.db", auto_migrate=True):
            pass


async def test_writes_survive_a_power_cut(database: Database) -> None:
    pragmas = {}
    for name in ("journal_mode", "synchronous", "foreign_keys"):
        pragmas[name] = await database.write(scalars, f"PRAGMA {name}")
    assert pragmas == {"journal_mode": ["wal"], "synchronous": [2], "foreign_keys": [1]}


async def test_a_write_that_waited_too_long_is_not_begun(tmp_path: Path) -> None:
    url = migrated_database(tmp_path)
    one_by_one = SqliteDatabase(url, auto_migrate=True, observer=ignore, batch=1)
    async with one_by_one as database:
        await database.write(execute, "CREATE TABLE notes (body TEXT)")
        await wait_in_line(database, tmp_path)


async def wait_in_line(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "api.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writes = (database.write(execute, f"INSERT INTO notes VALUES ('{n}')") for n in range(8))
    failures = await asyncio.gather(*writes, return_exceptions=True)
    other.close()
    assert all(isinstance(failure, DatabaseUnavailable) for failure in failures)
    # One after the other, each has a second for the lock, but only while somebody waits for it.
    assert "database is locked" in str(failures[0])
    assert "too many units of work are waiting" in str(failures[-1])
    assert await notes(database) == []


async def test_a_migration_waits_longer_than_a_request_and_says_so(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = sqlite3.connect(tmp_path / "api.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    migrating = asyncio.ensure_future(database.administer(scalars, "SELECT 1"))
    while not caplog.messages:  # noqa: ASYNC110  # no event says it
        await asyncio.sleep(0)
    other.execute("COMMIT")
    other.close()
    assert await migrating == [1]
    assert caplog.messages == ["a migration waits for the transaction of another process"]


async def test_a_read_that_takes_too_long_is_interrupted(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"

    def count_for_ever(connection: Connection) -> None:
        connection.execute(text(endless))

    async with open_database(migrated_database(tmp_path), auto_migrate=True) as database:
        with pytest.raises(DatabaseUnavailable, match="interrupted"):
            await database.read(count_for_ever)
        assert await database.read(revisions.current) == revisions.known()[0]


async def test_a_unit_of_work_is_observed_once_whether_it_runs_or_not(tmp_path: Path) -> None:
    seen: list[tuple[Kind, bool]] = []

    def observe(kind: Kind, waited: float, ran: float | None) -> None:
        seen.append((kind, ran is not None))

    url, gate = migrated_database(tmp_path), Gate()
    async with SqliteDatabase(url, auto_migrate=True, observer=observe) as database:
        seen.clear()
        writing = asyncio.ensure_future(database.write(gate.wait))
        await gate.reached.wait()
        waiting = asyncio.ensure_future(database.write_statement(gate.wait))
        await database.read(scalars, "SELECT 1")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.opened.set()
        await writing
    assert seen == [("read", True), ("statement", False), ("write", True)]
