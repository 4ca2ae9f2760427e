"""Units of work on their way to SQLite's threads, and their outcomes on the way back."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import SimpleQueue
from time import monotonic, perf_counter
from typing import Any, NamedTuple

from sqlalchemy import Connection

from storage.engines.database import DatabaseUnavailable
from storage.engines.observer import Unit

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
