"""The threads that run SQLite's units of work: readers side by side, and one writer.

Each keeps a connection of its own: to take one from SQLAlchemy's pool, and to have SQLAlchemy begin
and end a transaction on it, costs 35 µs, as much as a read itself.

Writes that have come together share one transaction, and so one sync of the disk; each has a
savepoint of its own. With 64 callers that is 2.8 to 4.1 times as fast as a transaction each, and
with one caller nothing changes. No caller gets its result before the commit.
"""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, perf_counter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from storage.engines.database import DatabaseUnavailable, Unit
from storage.engines.sqlite_connection import SqliteConnection, driver_of
from storage.engines.sqlite_file import DatabaseFile
from storage.engines.statements import Statements

READ_TIMEOUT = 1
"""How many seconds a read may take once it runs."""

PROGRESS = 10_000
"""After how many of SQLite's own steps it is asked whether that is over: some 0.1 ms."""

QUEUE_TIMEOUT = 2
"""Seconds after which a unit of work that is still waiting for its thread isn't begun."""


class Outcome(NamedTuple):
    result: Any = None
    error: BaseException | None = None


class Job:
    """A unit of work, and the future that its caller on the running event loop awaits."""

    def __init__(self, unit_of_work: Callable[[Connection], Any], unit: Unit) -> None:
        self.loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[Any] = self.loop.create_future()
        self._unit_of_work = unit_of_work
        self.unit = unit
        self._deadline = monotonic() + QUEUE_TIMEOUT

    def is_wanted(self) -> bool:
        """Whether the caller still waits, and not for too long; a late one gets an error."""
        if self.answer.cancelled():
            return False
        if monotonic() <= self._deadline:
            return True
        resolve([(self, Outcome(error=DatabaseUnavailable("too many units of work are waiting")))])
        return False

    def run(self, connection: Connection) -> Outcome:
        self.unit.began = perf_counter()
        try:
            return Outcome(self._unit_of_work(connection))
        except StopIteration as error:  # which no future takes (PEP 479)
            return Outcome(error=RuntimeError(repr(error)))
        except BaseException as error:  # noqa: BLE001  # re-raised in the caller that awaits the result
            return Outcome(error=error)


Jobs = SimpleQueue[Job | None]


def resolve(outcomes: Iterable[tuple[Job, Outcome]]) -> None:
    """Resolve the futures of the jobs, with one call per event loop."""
    of_loops: defaultdict[asyncio.AbstractEventLoop, list[tuple[Job, Outcome]]] = defaultdict(list)
    for job, outcome in outcomes:
        job.unit.ended = perf_counter()
        of_loops[job.loop].append((job, outcome))
    for loop, resolved in of_loops.items():
        with suppress(RuntimeError):  # the loop has been closed, so no caller waits
            loop.call_soon_threadsafe(answer, resolved)


def answer(outcomes: Iterable[tuple[Job, Outcome]]) -> None:
    for job, (result, error) in outcomes:
        if job.answer.done():
            continue  # its client has left
        if error is None:
            job.answer.set_result(result)
        else:
            job.answer.set_exception(error)


class Worker(Thread, ABC):
    """Runs the jobs of a queue until it finds None, on a connection opened for the first job."""

    def __init__(self, name: str, engine: Engine, jobs: Jobs, file: DatabaseFile) -> None:
        # A daemon doesn't keep a process alive that forgot to close its database.
        super().__init__(name=name, daemon=True)
        self._engine = engine
        self.jobs = jobs
        self._file = file
        self._statements = Statements(engine.dialect)
        self._connection: Connection | None = None

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            if job.is_wanted():
                self._do(job)
            del job  # or what it holds would live on until the next one comes
        self._disconnect()

    @abstractmethod
    def _do(self, job: Job) -> None:
        """Run it, and resolve its future. Must not raise, which would end the thread."""

    def _alone(self, job: Job, begin: str) -> Outcome:
        """The outcome of `job` in a transaction of its own."""
        try:
            connection = self._connected()
            driver = driver_of(connection)
            driver.execute(begin)
            outcome = job.run(connection)
            if outcome.error is None:
                self._before_commit()
                driver.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  # as _do says
            outcome = Outcome(error=error)
        if outcome.error is None:
            return outcome
        self._roll_back(outcome.error)
        return Outcome(error=self._file.translated(outcome.error))

    def _connected(self) -> Connection:
        self._file.check_known()
        if self._connection is None:
            self._connection = SqliteConnection(self._engine, self._statements)
            self._prepare(driver_of(self._connection))
        return self._connection

    def _prepare(self, driver: sqlite3.Connection) -> None:
        """Once, when the connection has been opened."""

    def _before_commit(self) -> None:
        """Raise what must keep a transaction from being committed."""

    def _roll_back(self, error: BaseException) -> None:
        """After `error`; where that was the database's, with a new connection from then on."""
        connection = self._connection
        if connection is None:
            return
        if connection.closed or connection.invalidated:  # by the job, or by SQLAlchemy
            self._disconnect()
            return
        try:
            driver_of(connection).rollback()
        except sqlite3.Error:
            self._disconnect()
        if isinstance(self._file.translated(error), DatabaseUnavailable):
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.closed:
            connection.invalidate()
            connection.close()


class Reader(Worker):
    _end = 0.0

    def _do(self, job: Job) -> None:
        self._end = monotonic() + READ_TIMEOUT
        resolve([(job, self._alone(job, "BEGIN"))])

    def _prepare(self, driver: sqlite3.Connection) -> None:
        # Counting much would hold a reader long.
        driver.set_progress_handler(lambda: monotonic() > self._end, PROGRESS)


class Writer(Worker):
    batch = 128
    """How many jobs share a transaction at most: the first of them waits for the last."""

    def _do(self, job: Job) -> None:
        jobs = [job, *self._waiting(self.batch - 1)]
        outcomes = self._together(jobs) if len(jobs) > 1 else None
        if outcomes is not None:
            resolve(zip(jobs, outcomes, strict=True))
            return
        for one in jobs:
            resolve([(one, self._alone(one, "BEGIN IMMEDIATE"))])

    def _prepare(self, driver: sqlite3.Connection) -> None:
        driver.execute("SELECT * FROM sqlite_schema LIMIT 0").fetchall()  # opens the -wal
        self._file.opened_wal()

    def _before_commit(self) -> None:
        self._file.check_writable()

    def _waiting(self, most: int) -> list[Job]:
        jobs: list[Job] = []
        with suppress(Empty):
            while len(jobs) < most:
                job = self.jobs.get_nowait()
                if job is None:
                    self.jobs.put(None)  # the end, once these are done
                    break
                if job.is_wanted():
                    jobs.append(job)
        return jobs

    def _together(self, jobs: list[Job]) -> list[Outcome] | None:
        """The outcomes of `jobs` in one transaction; None if that was lost, so that each must be
        run again in its own.

        Some errors, such as a full disk, make SQLite drop the whole transaction in the middle.
        What comes after would be committed alone, and what came before acknowledged and lost.
        """
        try:
            connection = self._connected()
            driver = driver_of(connection)
            driver.execute("BEGIN IMMEDIATE")
        except Exception as error:  # noqa: BLE001  # as _do says
            self._roll_back(error)
            return [Outcome(error=self._file.translated(error)) for _ in jobs]
        try:
            outcomes = []
            for job in jobs:
                driver.execute("SAVEPOINT unit")
                outcome = job.run(connection)
                if not driver.in_transaction:
                    return None
                if outcome.error is not None:
                    driver.execute("ROLLBACK TO unit")
                    outcome = Outcome(error=self._file.translated(outcome.error))
                driver.execute("RELEASE unit")
                outcomes.append(outcome)
            self._before_commit()
            driver.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  # as _do says
            self._roll_back(error)
            return None
        return outcomes
