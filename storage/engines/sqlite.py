"""SQLite: one hop to a worker thread for a whole unit of work.

Measured (docs/architecture.md): an asynchronous driver hops once for every step of a cursor;
running the unit in one hop costs a third of that. SQLite allows one writer at a time, so writes
queue for a single thread, and readers never wait for it (WAL).
"""

import asyncio
import logging
import sqlite3
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TypeVar, cast

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from storage.column_types import ENGINE_OPTIONS
from storage.engines.database import Database, Kind, Observer, Unit
from storage.engines.private_files import create_private_file, make_private_folder, open_to_others
from storage.engines.sqlite_connection import driver_of
from storage.engines.sqlite_file import DatabaseFile, primary_code
from storage.engines.sqlite_threads import (
    Job,
    Jobs,
    Outcome,
    Reader,
    Worker,
    Writer,
    answer,
)

T = TypeVar("T")

log = logging.getLogger(__name__)

READERS = 4
BUSY_TIMEOUT = 1
"""Seconds for which a writer waits for another process's transaction before it gives up."""

MIGRATION_TIMEOUT = 600
"""Seconds for which a migration waits for another process's transaction."""

WAL_LIMIT = 16 * 1024 * 1024
"""Bytes to which the -wal shrinks again after a long reader has made it grow."""


class SqliteDatabase(Database):
    """Units of work in threads: a few that read, one that writes, at most `batch` units in one
    transaction."""

    def __init__(
        self,
        url: str,
        *,
        auto_migrate: bool,
        observer: Observer,
        batch: int = Writer.batch,
    ) -> None:
        super().__init__(auto_migrate=auto_migrate, observer=observer)
        path = Path(make_url(url).database or "")
        self._file = file = DatabaseFile(path)
        with suppress(OSError):  # SQLite meets the error again, and it is reported as its others
            make_private_folder(path.parent)
        if open_to_others(path):
            log.warning("other users of this machine can read the database: chmod 600 its file")
        self._administering = _create_engine(url, file)
        reading, writing = _create_engine(url, file, query_only=True), _create_engine(url, file)
        reads, writes = Jobs(), Jobs()
        self._jobs: dict[Kind, Jobs] = {"read": reads, "write": writes, "statement": writes}
        readers = (Reader(f"reader-{number}", reading, reads, file) for number in range(READERS))
        writer = Writer("writer", writing, writes, file)
        writer.batch = batch
        self._workers: list[Worker] = [*readers, writer]
        self._lock = Lock()
        self._started = False
        self._closed = False
        weakref.finalize(self, stop, self._workers)  # in case the application doesn't close it

    async def close(self) -> None:
        await asyncio.sleep(0)  # what this turn of the loop asked for is in the queues then
        with self._lock:
            self._closed = True
            stop(self._workers)
        for worker in self._workers:
            if worker.ident is not None:
                await asyncio.to_thread(worker.join)

    async def _administer(self, unit_of_work: Callable[[Connection], T]) -> T:
        """Run it, again while another process has a transaction open. Each attempt is short, so
        that a start that waits can be ended."""
        deadline, reported = monotonic() + MIGRATION_TIMEOUT, False
        while True:
            try:
                return await asyncio.to_thread(_migrate, self._administering, unit_of_work)
            except (sqlite3.Error, DBAPIError) as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                    raise self._file.translated(error)  # noqa: B904  # it has its cause
            if not reported:
                log.warning("a migration waits for the transaction of another process")
                reported = True

    async def check_writable(self) -> None:
        await asyncio.to_thread(self._file.check_writable)

    async def _run(self, kind: Kind, unit_of_work: Callable[[Connection], T]) -> T:
        with Unit(self._observer, kind) as unit:
            job = Job(unit_of_work, unit)
            # In the loop's next turn: so the writes of one turn come together, and are committed
            # together. With 16 clients, 11 rather than 7 share a commit.
            job.loop.call_soon(self._enqueue, kind, job)
            return cast(T, await job.answer)

    def _enqueue(self, kind: Kind, job: Job) -> None:
        try:
            with self._lock:
                self._start()
                self._jobs[kind].put(job)
        except RuntimeError as error:  # nothing else would tell the caller
            answer([(job, Outcome(error=error))])

    def _start(self) -> None:
        """Start the threads with the first job: a process may fork before. Raises RuntimeError
        where the database has been closed, or no thread can be started."""
        if self._closed:
            raise RuntimeError("the database has been closed")
        if not self._started:
            for worker in self._workers:
                if worker.ident is None:
                    worker.start()
            self._started = True


def stop(workers: list[Worker]) -> None:
    """Have each end, once all that was asked for before is done."""
    for worker in workers:
        worker.jobs.put(None)


def _migrate(engine: Engine, unit_of_work: Callable[[Connection], T]) -> T:
    with engine.connect() as connection:
        driver = driver_of(connection)
        # Alembic drops and replaces a table to change a column, also if other rows refer to its
        # rows. So their references are checked in the end.
        driver.execute("PRAGMA foreign_keys = OFF")
        # What a migration does to the schema is in the same transaction.
        driver.execute("BEGIN IMMEDIATE")
        result = unit_of_work(connection)
        broken = driver.total_changes and driver.execute("PRAGMA foreign_key_check").fetchone()
        if broken:
            raise sqlite3.IntegrityError(f"a row of {broken[0]} refers to no row of {broken[2]}")
        connection.commit()
        return result


def _create_engine(url: str, file: DatabaseFile, *, query_only: bool = False) -> Engine:
    """The driver's own transaction control is off; this module sends BEGIN and COMMIT."""
    engine = create_engine(
        url,
        poolclass=NullPool,
        **ENGINE_OPTIONS,
        connect_args={"isolation_level": None, "check_same_thread": False},
    )

    @event.listens_for(engine, "do_connect")
    def create(*_: object) -> None:
        file.check()
        # SQLite gives its -wal and -shm the mode of the database's file.
        create_private_file(file.path)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        try:
            connection.executescript(f"""
                PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000};
                PRAGMA journal_mode = WAL;
                PRAGMA journal_size_limit = {WAL_LIMIT};
                PRAGMA synchronous = FULL;
                PRAGMA foreign_keys = ON;
                PRAGMA query_only = {query_only};
            """)
        except sqlite3.Error:
            connection.close()  # the pool forgets what it couldn't configure
            raise
        file.opened()

    return engine
