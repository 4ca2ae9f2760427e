"""PostgreSQL: the same units of work on asyncpg, on the event loop that asks.

SQLAlchemy runs a unit in a greenlet that waits for the driver; there is no thread. A read takes no
transaction of its own (AUTOCOMMIT), and neither does a write of one statement: that saves two round
trips, 124 µs beside 186 µs for one row by its key.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic, perf_counter
from typing import TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from storage.column_types import ENGINE_OPTIONS, metadata
from storage.engines import postgresql_locks as locks
from storage.engines.database import (
    Database,
    DatabaseReadOnly,
    DatabaseUnavailable,
    Kind,
    Observer,
    PoolOptions,
    Unit,
)
from storage.engines.postgresql_connections import Connections
from storage.engines.postgresql_errors import (
    NO_RIGHT,
    READ_ONLY,
    hide_values_of,
    is_out_of_order,
    is_passing,
    sqlstate,
)
from storage.engines.postgresql_server import CONNECT_TIMEOUT, Servers, options, reason
from storage.engines.postgresql_units import RUNS, NeedsTransaction

T = TypeVar("T")

log = logging.getLogger(__name__)

CHECK_WRITABLE = f"""DO $$ BEGIN
    IF current_setting('transaction_read_only')::bool THEN
        RAISE EXCEPTION 'the server is read-only' USING ERRCODE = '{READ_ONLY}';
    ELSIF NOT bool_and(has_table_privilege(to_regclass(name), 'INSERT'))
        FROM unnest(string_to_array('{{names}}', ',')) name
    THEN
        RAISE EXCEPTION 'the role may not write' USING ERRCODE = '{NO_RIGHT}';
    END IF;
END $$"""
"""Fails as a write would, and writes nothing."""


class PostgresDatabase(Database):
    """Units of work on a pool of connections, which belongs to the loop that first uses it."""

    def __init__(
        self, url: str, *, auto_migrate: bool, pool: PoolOptions, observer: Observer
    ) -> None:
        super().__init__(auto_migrate=auto_migrate, observer=observer)
        self._servers = Servers(url)
        self._connections = Connections(self._servers, pool)
        # Building an index may take longer than any statement of a request may.
        self._administering = create_engine(
            "postgresql+asyncpg://",
            **ENGINE_OPTIONS,
            poolclass=NullPool,
            connect_args={"async_creator_fn": self._servers.connect} | options(pool, timeout=None),
        )
        event.listen(self._administering, "handle_error", hide_values_of)
        self._running: set[asyncio.Future[None]] = set()

    async def close(self) -> None:
        while self._running:
            await asyncio.wait(self._running)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await greenlet_spawn(self._connections.close)
        except TimeoutError:  # nor does a server that doesn't answer say goodbye
            self._connections.terminate()

    async def _run(self, kind: Kind, unit_of_work: Callable[[Connection], T]) -> T:
        try:
            return await self._attempt(lambda: self._connected(kind, unit_of_work))
        except NeedsTransaction:
            return await self._run("write", unit_of_work)

    async def _connected(self, kind: Kind, unit_of_work: Callable[[Connection], T]) -> T:
        """Connect and run, in one greenlet. SQLAlchemy's AsyncEngine takes one to connect, one to
        run and one to close, a quarter of what a read by its key costs, and imports its ORM."""

        def connected() -> T:
            connection = self._connections.take(kind)
            try:
                unit.began = perf_counter()
                result: T = RUNS[kind](connection, unit_of_work)
                return result
            finally:
                self._connections.give_back(connection)

        with Unit(self._observer, kind) as unit:
            return await greenlet_spawn(connected)

    async def _administer(self, unit_of_work: Callable[[Connection], T]) -> T:
        return await self._attempt(lambda: self._migrate(unit_of_work), again=False)

    async def _migrate(self, unit_of_work: Callable[[Connection], T]) -> T:
        """Run it, again while another transaction holds a lock that it needs."""
        deadline = monotonic() + locks.PATIENCE
        reported: set[int] | None = None

        def locked() -> T:
            with self._administering.begin() as connection:
                locks.lock(connection)
                return unit_of_work(connection)

        def holders() -> dict[int, str]:
            with self._administering.begin() as connection:
                return locks.holders(connection)

        while True:
            try:
                return await greenlet_spawn(locked)
            except DBAPIError as error:
                late = monotonic() > deadline
                if late or sqlstate(error.orig) != locks.LOCK_NOT_AVAILABLE:
                    raise
            found = await greenlet_spawn(holders)
            if found.keys() != reported:
                held = "; ".join(found.values()) or "a transaction that has ended since"
                log.warning("a migration waits for a lock, held by %s", held)
                reported = set(found)
            await asyncio.sleep(locks.PAUSE)

    async def check_writable(self) -> None:
        names = ",".join(metadata.tables)
        check = CHECK_WRITABLE.format(names=names)
        await self._run("read", lambda connection: connection.exec_driver_sql(check))

    async def _attempt(self, run: Callable[[], Awaitable[T]], *, again: bool = True) -> T:
        """Wait for `run`; `again`: once more if its connection was broken or out of date.

        A pool notices only by using it that a server has been away; asking each connection first
        would cost every request a round trip.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._running.add(done)
        try:
            return await run()
        except (OSError, PoolTimeoutError, DBAPIError) as error:
            if again and is_passing(error):
                return await self._attempt(run, again=False)
            if isinstance(error, DBAPIError) and not is_out_of_order(error):
                raise
            read_only = sqlstate(getattr(error, "orig", None)) in (READ_ONLY, NO_RIGHT)
            unavailable = DatabaseReadOnly if read_only else DatabaseUnavailable
            raise unavailable(reason(error)) from error
        finally:
            self._running.discard(done)
            done.set_result(None)
