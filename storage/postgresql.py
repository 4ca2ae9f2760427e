"""PostgreSQL: the same units of work on asyncpg, on the event loop that asks.

SQLAlchemy runs a unit in a greenlet that waits for the driver; there is no thread. A read takes no
transaction of its own (AUTOCOMMIT), which saves two round trips: 124 µs beside 186 µs for one row
by its key.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg
from sqlalchemy import URL, Connection, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from storage.database import Database, DatabaseUnavailable

T = TypeVar("T")

MIGRATION_LOCK = 0x6974656D73
"""The key of the advisory lock that one migrating process holds; any number of our own."""

CONNECT_TIMEOUT = 1
"""Seconds until a server that doesn't answer counts as gone."""

OUT_OF_ORDER = {"08", "40", "53", "55", "57", "58"}
"""Classes of SQLSTATE: connection, rollback, resources, locks, intervention, system."""


@dataclass(frozen=True, kw_only=True)
class PoolOptions:
    """`timeout` and `statement_timeout` are in seconds; `pgbouncer`: statements aren't prepared
    under names, since the next one may run on another server connection."""

    size: int = 10
    timeout: float = 1
    statement_timeout: float = 1
    pgbouncer: bool = False


class PostgresDatabase(Database):
    """Units of work on a pool of connections, which belongs to the loop that first uses it."""

    def __init__(self, url: str, *, auto_migrate: bool, pool: PoolOptions) -> None:
        super().__init__(auto_migrate=auto_migrate)
        self._engine = _create_engine(url, pool)
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # Building an index may take longer than any statement of a request may.
        self._administering = create_async_engine(_asyncpg_url(url), poolclass=NullPool)

    async def close(self) -> None:
        await self._engine.dispose()

    async def _read(self, unit_of_work: Callable[[Connection], T]) -> T:
        async def read(_: list[str]) -> T:
            async with self._reading.connect() as connection:
                return await connection.run_sync(unit_of_work)

        return await _attempt(read)

    async def _write(self, unit_of_work: Callable[[Connection], T]) -> T:
        async def write(stage: list[str]) -> T:
            async with self._engine.connect() as connection:
                result = await connection.run_sync(unit_of_work)
                stage.append("commit")
                await connection.commit()
                return result

        return await _attempt(write)

    async def _administer(self, unit_of_work: Callable[[Connection], T]) -> T:
        async def administer(_: list[str]) -> T:
            async with self._administering.begin() as connection:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
                return await connection.run_sync(unit_of_work)

        return await _attempt(administer)


async def _attempt(run: Callable[[list[str]], Awaitable[T]]) -> T:
    """Wait for `run`, once more if its connection turned out to be broken before it committed.

    A pool notices only by using it that a server has been away; asking each connection first
    would cost every request a round trip.
    """
    stage: list[str] = []
    try:
        try:
            return await run(stage)
        except DBAPIError as error:
            if not error.connection_invalidated or stage:
                raise
            return await run(stage)
    except (OSError, PoolTimeoutError, asyncpg.PostgresError, DBAPIError) as error:
        if isinstance(error, OSError | PoolTimeoutError) or _is_out_of_order(error):
            raise DatabaseUnavailable(str(error) or type(error).__name__) from error
        raise


def _is_out_of_order(error: Exception) -> bool:
    """Whether it is the server's state, not the statement, that is in the way."""
    if isinstance(error, DBAPIError) and (error.connection_invalidated or error.orig is None):
        return True
    cause = getattr(error, "orig", error)
    return str(getattr(cause, "sqlstate", None) or "")[:2] in OUT_OF_ORDER


def _create_engine(url: str, pool: PoolOptions) -> AsyncEngine:
    options: dict[str, Any] = {
        "timeout": CONNECT_TIMEOUT,
        "command_timeout": pool.statement_timeout,
        "server_settings": {
            "application_name": "items-api",
            # Plans for any value cost 50 to 140 times as much where a few values are common.
            "plan_cache_mode": "force_custom_plan",
            "statement_timeout": str(int(pool.statement_timeout * 1000)),
            "idle_in_transaction_session_timeout": "10000",
        },
    }
    if pool.pgbouncer:
        # PgBouncer passes no such settings on, and a name may meet another's statement.
        options |= {"statement_cache_size": 0, "server_settings": {}}
        options["prepared_statement_name_func"] = lambda: f"__asyncpg_{uuid4()}__"
    return create_async_engine(
        _asyncpg_url(url),
        pool_size=pool.size,
        max_overflow=0,
        pool_timeout=pool.timeout,
        connect_args=options,
    )


def _asyncpg_url(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+asyncpg")
