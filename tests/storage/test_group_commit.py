"""Writes on SQLite that come together share a commit, and nothing else."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from storage import Database, DatabaseUnavailable, open_database
from storage.engines.sqlite_connection import driver_of
from storage.engines.sqlite_threads import Writer
from tests.live import HUNG
from tests.sqlite import migrated_database
from tests.storage.units import Gate, execute, notes

Write = Callable[[Connection], object]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(migrated_database(tmp_path), auto_migrate=True) as database:
        await database.write(execute, "CREATE TABLE notes (body TEXT UNIQUE)")
        yield database


def insert(body: str, *, conflict: str = "ABORT") -> Write:
    return lambda connection: execute(
        connection, f"INSERT OR {conflict} INTO notes VALUES ('{body}')"
    )


async def together(database: Database, *writes: Write) -> tuple[list[object], list[str]]:
    """What becomes of `writes`, which all wait when the writer comes to them, and the statements
    by which transactions begin and end."""
    gate = Gate()
    statements: list[str] = []

    def hold(connection: Connection) -> None:
        driver_of(connection).set_trace_callback(statements.append)
        gate.wait(connection)

    holding = asyncio.ensure_future(database.write(hold))
    await gate.reached.wait()
    writing = [asyncio.ensure_future(database.write(write)) for write in writes]
    await asyncio.sleep(0)  # until each has been queued
    gate.opened.set()
    await holding
    outcomes = await asyncio.gather(*writing, return_exceptions=True)
    about = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
    own, *others = [line for line in statements if line.startswith(about)]
    assert own == "COMMIT"
    return outcomes, others


async def test_writes_that_wait_share_one_commit(database: Database) -> None:
    outcomes, statements = await together(database, *(insert(f"{n:02}") for n in range(20)))
    assert outcomes == [None] * 20
    assert statements[0] == "BEGIN IMMEDIATE"
    assert statements[-1] == "COMMIT"
    assert statements[1:-1] == ["SAVEPOINT unit", "RELEASE unit"] * 20
    assert await notes(database) == [f"{n:02}" for n in range(20)]


async def test_a_write_alone_has_no_savepoint(database: Database) -> None:
    outcomes, statements = await together(database, insert("a"))
    assert outcomes == [None]
    assert statements == ["BEGIN IMMEDIATE", "COMMIT"]


async def test_the_number_of_writes_in_one_transaction_is_bounded(database: Database) -> None:
    outcomes, statements = await together(
        database, *(insert(f"{n}") for n in range(Writer.batch + 2))
    )
    assert outcomes == [None] * (Writer.batch + 2)
    assert statements.count("COMMIT") == 2
    assert len(await notes(database)) == Writer.batch + 2


async def test_a_write_that_fails_does_not_affect_the_others_of_its_transaction(
    database: Database,
) -> None:
    def fail(connection: Connection) -> None:
        insert("written and taken back")(connection)
        raise LookupError

    outcomes, statements = await together(database, insert("a"), fail, insert("a"), insert("b"))
    assert [type(outcome) for outcome in outcomes] == [
        type(None), LookupError, IntegrityError, type(None),
    ]  # fmt: skip
    assert statements.count("COMMIT") == 1
    assert await notes(database) == ["a", "b"]


async def test_writes_are_repeated_one_by_one_if_their_shared_transaction_is_lost(
    database: Database,
) -> None:
    await database.write(insert("there"))
    outcomes, statements = await together(
        database, insert("a"), insert("there", conflict="ROLLBACK"), insert("b")
    )
    assert [type(outcome) for outcome in outcomes] == [
        type(None), IntegrityError, type(None),
    ]  # fmt: skip
    assert statements.count("COMMIT") == 2
    assert await notes(database) == ["a", "b", "there"]


async def test_a_commit_that_fails_has_each_done_again_alone(database: Database) -> None:
    def later(body: str) -> Write:
        """It is found out at the end of the transaction alone."""

        def write(connection: Connection) -> None:
            execute(connection, "PRAGMA defer_foreign_keys = ON")
            execute(connection, f"INSERT INTO children VALUES ('{body}')")

        return write

    await database.write(execute, "CREATE TABLE children (parent TEXT REFERENCES notes (body))")
    outcomes, _ = await together(database, insert("a"), later("nobody"), insert("b"), later("a"))
    assert outcomes[0] is outcomes[2] is outcomes[3] is None
    assert isinstance(outcomes[1], sqlite3.IntegrityError)
    assert await notes(database) == ["a", "b"]


async def test_writes_that_wait_for_a_locked_file_all_fail(
    database: Database, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "api.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    # The first one waits for the lock alone, the others together then.
    writes = (database.write(insert(f"{n}")) for n in range(4))
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    other.close()
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 4
    await database.write(insert("again"))
    assert await notes(database) == ["again"]


@pytest.mark.parametrize("others", [0, 2])
@pytest.mark.parametrize("lost", [Connection.invalidate, Connection.close])
async def test_a_connection_that_is_lost_in_the_middle_is_replaced(
    database: Database, others: int, lost: Callable[[Connection], None]
) -> None:
    def lose(connection: Connection) -> None:
        lost(connection)
        raise LookupError

    writes = [insert(f"{n}") for n in range(others)]
    outcomes = await asyncio.wait_for(
        asyncio.gather(
            database.write(lose),
            database.write(lose),
            *(database.write(write) for write in writes),
            return_exceptions=True,
        ),
        HUNG,
    )
    assert [type(outcome) for outcome in outcomes] == [LookupError] * 2 + [type(None)] * others
    await asyncio.wait_for(database.write(insert("again")), HUNG)
    assert await notes(database) == [*(f"{n}" for n in range(others)), "again"]


async def test_a_unit_that_raises_stop_iteration_fails_alone(
    database: Database,
) -> None:
    def stop(_: Connection) -> None:
        next(iter([]))

    writes = [insert("a"), stop, stop, insert("b")]
    outcomes = await asyncio.wait_for(
        asyncio.gather(*map(database.write, writes), return_exceptions=True), HUNG
    )
    assert [type(outcome) for outcome in outcomes] == [
        type(None),
        RuntimeError,
        RuntimeError,
        type(None),
    ]
    assert await notes(database) == ["a", "b"]


async def test_a_write_whose_caller_has_left_is_not_begun(database: Database) -> None:
    gate = Gate()
    holding = asyncio.ensure_future(database.write(gate.wait))
    await gate.reached.wait()
    writing = [asyncio.ensure_future(database.write(insert(f"{n}"))) for n in range(3)]
    await asyncio.sleep(0)
    writing[1].cancel()
    await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(holding, *writing, return_exceptions=True)
    assert await notes(database) == ["0", "2"]


async def test_a_closed_database_refuses(tmp_path: Path) -> None:
    database = open_database(migrated_database(tmp_path), auto_migrate=True)
    async with database:
        pass
    with pytest.raises(RuntimeError, match="has been closed"):
        await database.write(insert("a"))
