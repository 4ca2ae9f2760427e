"""PostgreSQL: the same units of work on asyncpg, on the event loop that asks.

SQLAlchemy runs a unit in a greenlet that waits for the driver; there is no thread. A read takes no
transaction of its own (AUTOCOMMIT), which saves two round trips: 124 µs beside 186 µs for one row
by its key.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from weakref import WeakSet

import asyncpg
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from storage.column_types import JSON_OPTIONS
from storage.engines.database import Database, DatabaseUnavailable, PoolOptions
from storage.engines.observer import Kind, Observer, Unit

T = TypeVar("T")

MIGRATION_LOCK = 0x6974656D73
"""The key of the advisory lock that one migrating process holds; any number of our own."""

CONNECT_TIMEOUT = 1
"""Seconds until a server that doesn't answer counts as gone; when closing, too."""

READING: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
WRITING: dict[str, Any] = {}

GRACE = 0.25
"""Seconds that the server has beyond a statement's deadline to say that it is over."""

BROKEN = ("08", "25P03", "57P")
"""Starts of the SQLSTATEs after which a connection is gone or about to be."""

OUT_OF_ORDER = ("08", "25006", "25P03", "40", "53", "55", "57", "58", "XX")
"""Starts of the SQLSTATEs that speak of the server, not of the statement: connection, read-only
after a failover, rollback, resources, locks, intervention, system."""


class PostgresDatabase(Database):
    """Units of work on a pool of connections, which belongs to the loop that first uses it."""

    def __init__(
        self, url: str, *, auto_migrate: bool, pool: PoolOptions, observer: Observer
    ) -> None:
        super().__init__(auto_migrate=auto_migrate, observer=observer)
        self._url = url
        self._opened: WeakSet[asyncpg.Connection[asyncpg.Record]] = WeakSet()
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            hide_parameters=True,  # or an error's text has the data
            **JSON_OPTIONS,
            pool_size=pool.size,
            max_overflow=0,
            pool_timeout=pool.timeout,
            connect_args={"async_creator_fn": self._connect}
            | _options(pool, timeout=pool.statement_timeout),
        )
        # Building an index may take longer than any statement of a request may.
        self._administering = create_async_engine(
            "postgresql+asyncpg://",
            hide_parameters=True,  # or an error's text has the data
            poolclass=NullPool,
            connect_args={"async_creator_fn": self._connect} | _options(pool, timeout=None),
        )
        event.listen(self._engine.sync_engine, "handle_error", _give_up_if_broken)
        self._running: set[asyncio.Future[None]] = set()

    async def close(self) -> None:
        if self._running:
            await asyncio.wait(self._running)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._engine.dispose()
        except TimeoutError:  # nor does a server that doesn't answer say goodbye
            await self._engine.dispose(close=False)
            for connection in self._opened:
                connection.terminate()

    async def _read(self, unit_of_work: Callable[[Connection], T]) -> T:
        return await self._attempt(lambda: self._run("read", READING, unit_of_work), again=True)

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

        return await self._attempt(lambda: self._run("write", WRITING, write), again=True)

    async def _run(
        self, kind: Kind, options: dict[str, Any], unit_of_work: Callable[[Connection], T]
    ) -> T:
        """All of it in one greenlet: AsyncEngine takes one to connect, one to run and one to close,
        a quarter of what a read by its key costs."""
        unit = Unit(self._observer, kind)

        def run() -> T:
            with self._engine.sync_engine.connect() as connection, unit:
                return unit_of_work(connection.execution_options(**options))

        try:
            return await greenlet_spawn(run)
        finally:
            unit.stop_waiting()

    async def _administer(self, unit_of_work: Callable[[Connection], T]) -> T:
        async def administer() -> T:
            async with self._administering.begin() as connection:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
                return await connection.run_sync(unit_of_work)

        return await self._attempt(administer, again=False)

    async def _connect(self, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
        connection: asyncpg.Connection[asyncpg.Record]
        try:
            # asyncpg reads the address itself, and so takes libpq's parameters.
            connection = await asyncpg.connect(self._url, **options)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            raise DatabaseUnavailable(f"can't connect to PostgreSQL: {_reason(error)}") from error
        self._opened.add(connection)
        return connection

    async def _attempt(self, run: Callable[[], Awaitable[T]], *, again: bool) -> T:
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
            raise DatabaseUnavailable(_reason(error)) from error
        finally:
            self._running.discard(done)
            done.set_result(None)


def _options(pool: PoolOptions, *, timeout: float | None) -> dict[str, Any]:
    """asyncpg's options, and those of SQLAlchemy's adapter to it."""
    settings = {"application_name": "items-api"}
    options: dict[str, Any] = {
        "timeout": CONNECT_TIMEOUT,
        "command_timeout": None if timeout is None else timeout + GRACE,
        "server_settings": settings,
    }
    if pool.pgbouncer:
        # It passes no other settings on, and a statement with a name would meet another's.
        return options | {
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": str,
        }
    # Plans for any value cost 50 to 140 times as much where a few values are common.
    settings["plan_cache_mode"] = "force_custom_plan"
    if timeout is not None:
        settings["statement_timeout"] = str(int(timeout * 1000))
        settings["idle_in_transaction_session_timeout"] = "10000"
    return options


def _give_up_if_broken(context: ExceptionContext) -> None:
    """Have SQLAlchemy drop the connection from its pool where the driver doesn't tell."""
    error = context.original_exception
    connection = context.connection
    if isinstance(error, TimeoutError) and connection and not connection.invalidated:
        # To roll back, or to end politely, would be to wait for a server that doesn't answer.
        driver_connection = connection.connection.driver_connection
        if isinstance(driver_connection, asyncpg.Connection):
            driver_connection.terminate()
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False
    elif _sqlstate(error).startswith(BROKEN):
        context.is_disconnect = True


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
    return error.connection_invalidated or _sqlstate(error.orig).startswith(OUT_OF_ORDER)


def _sqlstate(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the server doesn't answer"
    return str(getattr(error, "orig", error))
