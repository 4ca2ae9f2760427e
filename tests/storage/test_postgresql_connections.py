"""The connections to PostgreSQL, from one unit of work to the next."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, column, func, insert, literal, select, table

from storage import Database, PoolOptions, open_database
from tests.storage.units import scalars

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

notes = table("notes", column("body"))


async def test_one_connection_serves_reads_and_transactions_that_come_together(
    database_url: str,
) -> None:
    pool = PoolOptions(size=1, timeout=30)
    async with open_database(database_url, auto_migrate=True, pool=pool) as database:
        statement = select(literal(1))
        units = [
            database.read(lambda connection: connection.execute(statement).scalar_one()),
            database.write(lambda connection: connection.execute(statement).scalar_one()),
            database.write_statement(lambda c: c.execute(statement).scalar_one()),
        ]
        assert await asyncio.gather(*units) == [1, 1, 1]
        for _ in range(3):
            again = (
                kind(lambda connection: connection.execute(statement).scalar_one())
                for kind in (database.write, database.read, database.write_statement) * 5
            )
            assert await asyncio.gather(*again) == [1] * 15


async def test_what_a_unit_sets_or_closes_ends_with_it(database: Database) -> None:
    query = select(func.count()).select_from(notes)

    def isolated(connection: Connection) -> int:
        return connection.execution_options(isolation_level="SERIALIZABLE").scalar(query) or 0

    def create(connection: Connection, number: int) -> None:
        # Made anew, so SQLAlchemy executes it.
        connection.execute(insert(notes), {"body": str(number)})

    for number in range(3):
        for _ in range(3):
            assert await database.read(isolated) == number
        await database.write_statement(create, number)
        await database.read(Connection.close)


async def test_units_that_follow_each_other_leave_room_for_others(database_url: str) -> None:
    """Without a turn of the loop between them, the one that waited longest would never run."""
    pool = PoolOptions(size=2, timeout=60)
    async with open_database(database_url, auto_migrate=True, pool=pool) as database:
        written = asyncio.Event()

        async def read_on() -> None:
            while not written.is_set():
                await database.read(scalars, "SELECT 1")

        reading = [asyncio.ensure_future(read_on()) for _ in range(6)]
        await database.write(scalars, "SELECT 1")
        written.set()
        await asyncio.gather(*reading)


async def test_a_connection_that_a_cancelled_read_used_is_not_used_again(
    database_url: str,
) -> None:
    pool = PoolOptions(size=1)
    async with open_database(database_url, auto_migrate=True, pool=pool) as database:
        sleep = select(func.pg_sleep(bindparam("seconds")), func.pg_backend_pid().label("pid"))

        def slept(connection: Connection, seconds: float) -> Any:
            return connection.execute(sleep, {"seconds": seconds}).one().pid

        before = [await database.read(slept, 0) for _ in range(3)]
        reading = asyncio.ensure_future(database.read(slept, 0.9))
        await asyncio.sleep(0)
        while not await _sleeps(database_url):
            assert not reading.done()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await database.read(slept, 0) not in before


async def _sleeps(url: str) -> bool:
    asking = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    async with open_database(url, auto_migrate=False) as database:
        return bool(await database.read(scalars, asking))
