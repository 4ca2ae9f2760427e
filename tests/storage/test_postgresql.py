"""What holds on PostgreSQL alone: its pool, its lock, how it is reached."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import Connection
from sqlalchemy.util import await_only

from storage import Database, DatabaseUnavailable, PoolOptions, open_database
from storage.engines import revisions
from storage.engines.postgresql_locks import MIGRATION_LOCK
from tests.postgresql import Server
from tests.storage.units import Gate, execute, notes, scalars


@pytest.fixture
def url(postgresql: Server) -> Iterator[str]:
    with postgresql.database() as url:
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with open_database(url, auto_migrate=True, pool=PoolOptions(size=2)) as database:
        yield database


async def test_holds_no_more_connections_than_it_may(url: str, database: Database) -> None:
    inside = asyncio.Barrier(2)

    def name_own_connection(connection: Connection) -> list[object]:
        await_only(inside.wait())
        return scalars(connection, "SELECT pg_backend_pid()")

    reads = (database.read(name_own_connection) for _ in range(20))
    assert len({pid for [pid] in await asyncio.gather(*reads)}) == 2


async def test_each_statement_of_a_read_sees_what_was_committed_before_it(
    database: Database,
) -> None:
    gate = Gate()

    def count_twice(connection: Connection) -> list[list[object]]:
        first = scalars(connection, "SELECT count(*) FROM notes")
        gate.wait(connection)
        return [first, scalars(connection, "SELECT count(*) FROM notes")]

    await database.administer(execute, "CREATE TABLE notes (body TEXT)")
    reading = asyncio.ensure_future(database.read(count_twice))
    await gate.reached.wait()
    await database.write(execute, "INSERT INTO notes VALUES ('a')")
    gate.opened.set()
    assert await reading == [[0], [1]]


async def test_a_cancelled_write_is_undone(database: Database) -> None:
    gate = Gate()

    def insert(connection: Connection) -> None:
        execute(connection, "INSERT INTO notes VALUES ('a')")
        gate.wait(connection)

    await database.administer(execute, "CREATE TABLE notes (body TEXT)")
    writing = asyncio.ensure_future(database.write(insert))
    await gate.reached.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await notes(database) == []


async def test_a_start_waits_while_another_process_migrates(
    postgresql: Server, database: Database
) -> None:
    gate = Gate()

    def hold_lock(connection: Connection) -> None:
        scalars(connection, f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        gate.wait(connection)

    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
        "WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
    )
    with postgresql.database(template="template0") as url:
        async with open_database(url, auto_migrate=True) as migrated:
            await migrated.administer(revisions.downgrade, "base")
            migrating = asyncio.ensure_future(migrated.write(hold_lock))
            await gate.reached.wait()
            starting = open_database(url, auto_migrate=True)
            start = asyncio.ensure_future(starting.__aenter__())
            while await migrated.read(scalars, waiting) != [1]:
                assert not start.done()
            gate.opened.set()
            await migrating
            await start
            assert await starting.read(revisions.current) == revisions.known()[0]
            await starting.close()


@pytest.mark.parametrize(
    ("user", "name", "parameters", "told"),
    [
        ("postgres", "nothing_here", "", 'database "nothing_here" does not exist'),
        ("nobody", "postgres", "", 'role "nobody" does not exist'),
        ("postgres", "postgres", "&sslmod=require", 'configuration parameter "sslmod"'),
        ("postgres", "postgres", "&port=1", "No such file or directory"),
    ],
)
async def test_a_mistake_in_the_address_stops_the_start_with_one_line(
    postgresql: Server, user: str, name: str, parameters: str, told: str
) -> None:
    url = postgresql.url_of(name).replace("postgres:", f"{user}:the-password") + parameters
    with pytest.raises(DatabaseUnavailable) as stop:
        async with open_database(url, auto_migrate=True):
            pass
    line = str(stop.value)
    assert line.startswith("can't connect to PostgreSQL: ")
    assert told in line
    assert "the-password" not in line
    assert "\n" not in line


async def test_takes_the_parameters_of_libpq(url: str) -> None:
    address = f"{url}&sslmode=disable&work_mem=5MB".replace("postgresql:", "postgres:")
    async with open_database(address, auto_migrate=True) as database:
        assert await database.read(scalars, "SHOW work_mem") == ["5MB"]
