"""Runs storage functions against SQLite: one hop to a worker thread for a whole unit of work.

Measured (docs/architecture.md): an asynchronous driver hops once for every step of a cursor;
running the unit in one hop costs a third of that. SQLite allows one writer at a time, so writes
queue for a single thread, and readers never wait for it (WAL).
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from storage import revisions

P = ParamSpec("P")
T = TypeVar("T")

READERS = 4
BUSY_TIMEOUT_MS = 1000
"""How long a writer waits for another process's transaction before it gives up."""


class DatabaseUnavailable(Exception):
    """The database can't be reached, is locked by somebody else or can't write."""


class Database:
    """The way to the data, for the life of the application.

    As a context manager it brings the database up to date, or checks that it is, and closes it
    at the end. Where nobody enters it (plain WSGI), the first unit of work does the former.
    """

    def __init__(self, url: str, *, auto_migrate: bool) -> None:
        path = make_url(url).database or ""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._auto_migrate = auto_migrate
        self._prepared = False
        self._read_engine = _create_engine(url, begin="BEGIN", size=READERS, query_only=True)
        self._write_engine = _create_engine(url, begin="BEGIN IMMEDIATE", size=1)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def read(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)` on one consistent state of the database.

        Raises what it raises, and DatabaseUnavailable.
        """
        await self._prepare_once()
        return await _run(self._readers, self._read_engine, function, *args, **kwargs)

    async def write(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)` as one transaction, committed when it returns.

        Raises what it raises, after rolling back, and DatabaseUnavailable.
        """
        await self._prepare_once()
        return await _run(self._writer, self._write_engine, function, *args, **kwargs)

    async def administer(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Like `write`, but whatever revision the database is at: for storage.revisions.

        The write lock lets in one process at a time; the next finds nothing left to do.
        """
        return await _run(self._writer, self._write_engine, function, *args, **kwargs)

    async def __aenter__(self) -> Self:
        try:
            await self._prepare_once()
        except BaseException:
            self.close()  # nobody else will
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Wait for what is running, then close every connection."""
        for executor in (self._readers, self._writer):
            executor.shutdown()
        for engine in (self._read_engine, self._write_engine):
            engine.dispose()

    async def _prepare_once(self) -> None:
        if self._prepared:
            return
        if self._auto_migrate:
            await self.administer(revisions.upgrade)
        await _run(self._readers, self._read_engine, revisions.check)
        self._prepared = True


async def _run(
    executor: Executor,
    engine: Engine,
    function: Callable[Concatenate[Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    def unit_of_work() -> T:
        try:
            with engine.begin() as connection:
                return function(connection, *args, **kwargs)
        except DBAPIError as error:
            # Besides OperationalError, SQLite raises the bare base class for a damaged file.
            if isinstance(error, OperationalError) or type(error.orig) is sqlite3.DatabaseError:
                raise DatabaseUnavailable(str(error.orig)) from error
            raise

    return await asyncio.get_running_loop().run_in_executor(executor, unit_of_work)


def _create_engine(url: str, *, begin: str, size: int, query_only: bool = False) -> Engine:
    """An engine whose transactions start with `begin`, in place of the driver's own idea.

    A transaction that reads first and writes later fails at once when another one wrote in
    between, whatever the timeout; BEGIN IMMEDIATE takes the write lock at its start.
    """
    engine = create_engine(
        url,
        pool_size=size,
        max_overflow=0,
        connect_args={"isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        try:
            connection.executescript(f"""
                PRAGMA busy_timeout = {BUSY_TIMEOUT_MS};
                PRAGMA journal_mode = WAL;
                PRAGMA synchronous = FULL;
                PRAGMA foreign_keys = ON;
                PRAGMA query_only = {query_only};
            """)
        except sqlite3.Error:
            connection.close()  # the pool forgets what it couldn't configure
            raise

    @event.listens_for(engine, "begin")
    def start_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
