"""SQLite: one hop to a worker thread for a whole unit of work.

Measured (docs/architecture.md): an asynchronous driver hops once for every step of a cursor;
running the unit in one hop costs a third of that. SQLite allows one writer at a time, so writes
queue for a single thread, and readers never wait for it (WAL).
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from math import inf
from pathlib import Path
from time import monotonic
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from storage.database import Database, DatabaseUnavailable
from storage.observer import Observer, Unit

T = TypeVar("T")

READERS = 4
BUSY_TIMEOUT = 1
"""Seconds for which a writer waits for another process's transaction before it gives up."""

QUEUE_TIMEOUT = 2
"""Seconds after which a unit of work that is still waiting for its thread isn't begun."""

MIGRATION_TIMEOUT = 600
"""Seconds for which a start waits for another process's migration."""


READ_TIMEOUT = 1
"""How many seconds a read may take once it runs."""

PROGRESS = 10_000
"""After how many of SQLite's own steps it is asked whether that is over: some 0.1 ms."""


class SqliteDatabase(Database):
    """Units of work in threads: a few that read, one that writes."""

    def __init__(self, url: str, *, auto_migrate: bool, observer: Observer) -> None:
        super().__init__(auto_migrate=auto_migrate, observer=observer)
        path = make_url(url).database or ""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._read_engine = _create_engine(url, begin="BEGIN", size=READERS, query_only=True)
        self._write_engine = _create_engine(url, begin="BEGIN IMMEDIATE", size=1)
        self._administering = _create_engine(
            url, begin="BEGIN IMMEDIATE", size=1, busy_timeout=MIGRATION_TIMEOUT
        )
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def close(self) -> None:
        for executor in (self._readers, self._writer):
            await asyncio.to_thread(executor.shutdown)
        for engine in (self._read_engine, self._write_engine, self._administering):
            engine.dispose()

    async def _read(self, unit_of_work: Callable[[Connection], T]) -> T:
        unit = Unit(self._observer, "read")
        return await _run(
            self._readers, self._read_engine, unit_of_work, unit, statement_timeout=READ_TIMEOUT
        )

    async def _write(self, unit_of_work: Callable[[Connection], T]) -> T:
        unit = Unit(self._observer, "write")
        return await _run(self._writer, self._write_engine, unit_of_work, unit)

    async def _administer(self, unit_of_work: Callable[[Connection], T]) -> T:
        # BEGIN IMMEDIATE is the lock: what a migration does to the schema is in its transaction.
        unit = Unit(self._observer, "write")
        return await _run(self._writer, self._administering, unit_of_work, unit)


def _give_up_at(end: float, connection: Connection) -> None:
    """Interrupt what still runs on `connection` then: counting much would hold a reader long."""
    driver_connection = connection.connection.driver_connection
    if isinstance(driver_connection, sqlite3.Connection):
        driver_connection.set_progress_handler(lambda: monotonic() > end, PROGRESS)


async def _run(
    executor: Executor,
    engine: Engine,
    unit_of_work: Callable[[Connection], T],
    unit: Unit,
    *,
    statement_timeout: float = inf,
) -> T:
    deadline = monotonic() + QUEUE_TIMEOUT

    def run() -> T:
        if monotonic() > deadline:
            raise DatabaseUnavailable("too many units of work are waiting")
        try:
            with unit, engine.begin() as connection:
                _give_up_at(monotonic() + statement_timeout, connection)
                return unit_of_work(connection)
        except DBAPIError as error:
            # Besides OperationalError, SQLite raises the bare base class for a damaged file.
            if isinstance(error, OperationalError) or type(error.orig) is sqlite3.DatabaseError:
                raise DatabaseUnavailable(str(error.orig)) from error
            raise

    try:
        return await asyncio.get_running_loop().run_in_executor(executor, run)
    finally:
        unit.stop_waiting()


def _create_engine(
    url: str, *, begin: str, size: int, query_only: bool = False, busy_timeout: int = BUSY_TIMEOUT
) -> Engine:
    """An engine whose transactions start with `begin`, in place of the driver's own idea.

    A transaction that reads first and writes later fails at once when another one wrote in
    between, whatever the timeout; BEGIN IMMEDIATE takes the write lock at its start.
    """
    engine = create_engine(
        url,
        hide_parameters=True,  # or an error's text has the data
        pool_size=size,
        max_overflow=0,
        connect_args={"isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        try:
            connection.executescript(f"""
                PRAGMA busy_timeout = {busy_timeout * 1000};
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
