"""PostgreSQL: the same units of work on asyncpg, on the event loop that asks.

SQLAlchemy runs a unit in a greenlet that waits for the driver; there is no thread. A read takes no
transaction of its own (AUTOCOMMIT), and neither does a write of one statement: that saves two round
trips, 124 µs beside 186 µs for one row by its key.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from storage.column_types import JSON_OPTIONS
from storage.engines import postgresql_locks as locks
from storage.engines.database import (
    Database,
    DatabaseReadOnly,
    DatabaseUnavailable,
    PoolOptions,
)
from storage.engines.observer import Kind, Observer, Unit
from storage.engines.postgresql_server import CONNECT_TIMEOUT, Servers, options, reason
from storage.engines.postgresql_statement import NeedsTransaction, SingleStatement

T = TypeVar("T")
C = TypeVar("C", bound=Connection)

log = logging.getLogger(__name__)

MAX_AGE = 180
"""Seconds after which a connection is replaced: its address may lead to another server by then.
Load balancers forget idle connections after 4 minutes or more."""

READ_ONLY = "25006"
"""The SQLSTATE of a write on a server that has become a standby, or is read-only otherwise."""

READ_ONLY_AGE = 1
"""Seconds that a connection must have been open to be dropped for it. The address of a younger one
has just led to this server, and a new connection would only cost time."""

CHECK_WRITABLE = f"""DO $$ BEGIN
    IF current_setting('transaction_read_only')::bool THEN
        RAISE EXCEPTION 'the server is read-only' USING ERRCODE = '{READ_ONLY}';
    END IF;
END $$"""
"""Fails as a write would, and writes nothing."""

BROKEN = ("08", "25P03", "57P")
"""Starts of the SQLSTATEs after which a connection is gone or about to be."""

OUT_OF_ORDER = ("08", "25P03", "40", "53", "55", "57", "58", "XX")
"""Starts of the SQLSTATEs that speak of the server, not of the statement: connection, rollback,
resources, locks, intervention, system."""


class PostgresDatabase(Database):
    """Units of work on a pool of connections, which belongs to the loop that first uses it."""

    def __init__(
        self, url: str, *, auto_migrate: bool, pool: PoolOptions, observer: Observer
    ) -> None:
        super().__init__(auto_migrate=auto_migrate, observer=observer)
        self._servers = Servers(url)
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            hide_parameters=True,  # or an error's text has the data
            **JSON_OPTIONS,
            pool_size=pool.size,
            max_overflow=0,
            pool_timeout=pool.timeout,
            pool_recycle=MAX_AGE,
            connect_args={"async_creator_fn": self._servers.connect}
            | options(pool, timeout=pool.statement_timeout),
        )
        # Building an index may take longer than any statement of a request may.
        self._administering = create_async_engine(
            "postgresql+asyncpg://",
            hide_parameters=True,  # or an error's text has the data
            poolclass=NullPool,
            connect_args={"async_creator_fn": self._servers.connect} | options(pool, timeout=None),
        )
        event.listen(self._engine.sync_engine, "handle_error", self._drop_if_broken)
        event.listen(self._engine.sync_engine, "checkout", self._replace_if_outdated)
        self._running: set[asyncio.Future[None]] = set()

    async def close(self) -> None:
        while self._running:
            await asyncio.wait(self._running)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._engine.dispose()
        except TimeoutError:  # nor does a server that doesn't answer say goodbye
            await self._engine.dispose(close=False)
            self._servers.terminate()

    async def _read(self, unit_of_work: Callable[[Connection], T]) -> T:
        def read(connection: Connection) -> T:
            return unit_of_work(connection.execution_options(isolation_level="AUTOCOMMIT"))

        return await self._attempt(lambda: self._run("read", Connection, read))

    async def _write(self, unit_of_work: Callable[[Connection], T]) -> T:
        def write(connection: Connection) -> T:
            result = unit_of_work(connection)
            try:
                connection.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    # It may have been committed: the function must not run again.
                    raise DatabaseUnavailable(f"lost during a commit: {error.orig}") from error
                raise
            return result

        return await self._attempt(lambda: self._run("write", Connection, write))

    async def _write_statement(self, unit_of_work: Callable[[Connection], T]) -> T:
        def write(connection: SingleStatement) -> T:
            try:
                return unit_of_work(connection)
            except DBAPIError as error:
                is_lost = connection.sent and error.connection_invalidated
                is_refused = _sqlstate(error.orig) == READ_ONLY
                if connection.changed or (is_lost and not is_refused):
                    # It may have been carried out: the function must not run again.
                    raise DatabaseUnavailable(f"lost during a write: {error.orig}") from error
                raise

        try:
            return await self._attempt(lambda: self._run("write", SingleStatement, write))
        except NeedsTransaction:
            return await self._write(unit_of_work)

    async def _run(
        self, kind: Kind, connect: Callable[[Engine], C], unit_of_work: Callable[[C], T]
    ) -> T:
        """All of it in one greenlet: AsyncEngine takes one to connect, one to run and one to close,
        a quarter of what a read by its key costs."""
        unit = Unit(self._observer, kind)

        def run() -> T:
            connection = connect(self._engine.sync_engine)
            with connection, unit:
                return unit_of_work(connection)

        try:
            return await greenlet_spawn(run)
        finally:
            unit.stop_waiting()

    async def _administer(self, unit_of_work: Callable[[Connection], T]) -> T:
        return await self._attempt(lambda: self._migrate(unit_of_work), again=False)

    async def _migrate(self, unit_of_work: Callable[[Connection], T]) -> T:
        """Run it, again while another transaction holds a lock that it needs."""
        deadline, reported = monotonic() + locks.PATIENCE, ""
        async with self._administering.connect() as connection:
            while True:
                try:
                    async with connection.begin():
                        await connection.run_sync(locks.lock)
                        return await connection.run_sync(unit_of_work)
                except DBAPIError as error:
                    late = monotonic() > deadline
                    if late or _sqlstate(error.orig) != locks.LOCK_NOT_AVAILABLE:
                        raise
                async with connection.begin():
                    holders = await connection.run_sync(locks.holders)
                if holders != reported:
                    log.warning("a migration waits for a lock, held by %s", holders)
                    reported = holders
                await asyncio.sleep(locks.PAUSE)

    async def check_writable(self) -> None:
        await self._read(lambda connection: connection.exec_driver_sql(CHECK_WRITABLE))

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
            if again and _is_passing(error):
                return await self._attempt(run, again=False)
            if isinstance(error, DBAPIError) and not _is_out_of_order(error):
                raise
            read_only = _sqlstate(getattr(error, "orig", None)) == READ_ONLY
            unavailable = DatabaseReadOnly if read_only else DatabaseUnavailable
            raise unavailable(reason(error)) from error
        finally:
            self._running.discard(done)
            done.set_result(None)

    def _drop_if_broken(self, context: ExceptionContext) -> None:
        """Have SQLAlchemy drop the connection from its pool where the driver doesn't tell."""
        error, connection = context.original_exception, context.connection
        if connection is None or connection.invalidated:
            return
        driver_connection = connection.connection.driver_connection
        if not isinstance(driver_connection, asyncpg.Connection):
            return
        state = _sqlstate(error)
        if isinstance(error, TimeoutError):
            # To roll back, or to end politely, would be to wait for a server that doesn't answer.
            driver_connection.terminate()
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = False
        elif state.startswith(BROKEN):
            context.is_disconnect = True
        elif state == READ_ONLY:
            # The pool's older connections then go too, each before it is used again.
            context.is_disconnect = self._servers.age(driver_connection) >= READ_ONLY_AGE

    def _replace_if_outdated(
        self, _: Any, record: ConnectionPoolEntry, __: PoolProxiedConnection
    ) -> None:
        """Have the pool replace a connection whose server has left, or says that it is read-only.
        Reads alone would never notice that the address leads to another server."""
        connection = record.driver_connection
        if not isinstance(connection, asyncpg.Connection):
            return
        if self._servers.has_left(connection) or (
            self._servers.is_read_only(connection)
            and self._servers.age(connection) >= READ_ONLY_AGE
        ):
            raise DisconnectionError


def _is_passing(error: Exception) -> bool:
    """Whether it can't happen again on a new connection, or with a statement prepared anew."""
    if not isinstance(error, DBAPIError):
        return False
    outdated = isinstance(
        getattr(error.orig, "__cause__", None), asyncpg.InvalidCachedStatementError
    )
    return error.connection_invalidated or outdated  # by a migration that ran meanwhile


def _is_out_of_order(error: DBAPIError) -> bool:
    """Whether it is the server's state, not the statement, that is in the way."""
    state = _sqlstate(error.orig)
    return error.connection_invalidated or state.startswith((READ_ONLY, *OUT_OF_ORDER))


def _sqlstate(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""
