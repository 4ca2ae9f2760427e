"""The Database: units of work against a real database of each kind."""

import asyncio
import logging

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from storage import Database, open_database
from storage.engines import revisions
from tests.storage.units import PATIENT, Gate, execute, notes, scalars

NEWEST = revisions.known()[0]


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


async def test_reads_go_on_while_a_write_runs(database: Database) -> None:
    gate = Gate()

    def slow_insert(connection: Connection) -> None:
        execute(connection, "INSERT INTO notes VALUES ('a')")
        gate.wait(connection)

    writing = asyncio.ensure_future(database.write(slow_insert))
    await gate.reached.wait()
    assert await notes(database) == []
    gate.opened.set()
    await writing
    assert await notes(database) == ["a"]


async def test_writes_that_arrive_together_lose_nothing(database: Database) -> None:
    await asyncio.gather(
        *(database.write(execute, f"INSERT INTO notes VALUES ('{n:03}')") for n in range(100))
    )
    assert await notes(database) == [f"{n:03}" for n in range(100)]


async def test_a_caller_that_gives_up_leaves_a_write_whole_or_undone(database: Database) -> None:
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
    # A thread can't be stopped; a greenlet is.
    assert await notes(database) in (["a", "b", "c"], ["c"])


async def test_closing_waits_for_what_runs(database_url: str) -> None:
    gate = Gate()

    def insert(connection: Connection) -> None:
        gate.wait(connection)
        execute(connection, "INSERT INTO notes VALUES ('a')")

    database = open_database(database_url, auto_migrate=True)
    await database.write(execute, "CREATE TABLE notes (body TEXT UNIQUE)")
    writing = asyncio.ensure_future(database.write(insert))
    await gate.reached.wait()
    closing = asyncio.ensure_future(database.close())
    gate.opened.set()
    await closing
    assert writing.done()
    await writing
    async with open_database(database_url, auto_migrate=True, pool=PATIENT) as database:
        assert await notes(database) == ["a"]


async def test_a_broken_constraint_is_not_the_database_being_away(database: Database) -> None:
    await database.write(execute, "INSERT INTO notes VALUES ('a')")
    with pytest.raises(IntegrityError, match=r"(?i)unique constraint"):
        await database.write(execute, "INSERT INTO notes VALUES ('a')")


async def test_a_start_migrates_where_it_may(empty_url: str) -> None:
    async with open_database(empty_url, auto_migrate=True) as database:
        assert await database.read(revisions.current) == NEWEST


async def test_a_start_stops_at_a_database_that_is_behind(empty_url: str) -> None:
    told = f"at revision none, .* needs {NEWEST}: run"
    with pytest.raises(revisions.DatabaseBehind, match=told):
        async with open_database(empty_url, auto_migrate=False):
            pass


@pytest.mark.parametrize("auto_migrate", [True, False])
async def test_a_start_stops_at_a_database_that_is_ahead(
    empty_url: str, auto_migrate: bool
) -> None:
    async with open_database(empty_url, auto_migrate=True) as database:
        await database.write(execute, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(revisions.DatabaseAhead, match="revision 9999, which this version doesn't"):
        async with open_database(empty_url, auto_migrate=auto_migrate):
            pass


async def test_the_first_unit_of_work_migrates_a_database_that_was_not_entered(
    empty_url: str,
) -> None:
    database = open_database(empty_url, auto_migrate=True)
    assert await database.read(revisions.current) == NEWEST
    await database.close()


async def test_starts_at_the_same_time_migrate_once(
    empty_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "storage.engines.revisions")
    databases = [open_database(empty_url, auto_migrate=True) for _ in range(8)]
    await asyncio.gather(*(database.__aenter__() for database in databases))
    for database in databases:
        assert await database.read(scalars, "SELECT version_num FROM alembic_version") == [NEWEST]
        await database.close()
    # On a slow machine the others have said that they wait.
    told = [line for line in caplog.messages if not line.startswith("a migration waits for")]
    assert told == [f"migrated the database from nothing to {NEWEST}"]
