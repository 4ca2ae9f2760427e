"""The state of the service's dependencies; concurrent callers share one check."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from storage import Database, DatabaseReadOnly, DatabaseUnavailable
from storage.engines import revisions

Checks = dict[str, str]

KEEP = 1.0
"""The seconds for which a result is kept, so that a flood of probes costs two reads per second."""


class NotReady(Exception):
    """A dependency of the service is missing, or the server is about to stop.

    `checks`: the state of each dependency.
    """

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self.checks = checks


class Readiness:
    """The state of each dependency. `redis` returns whether Redis can be used, or None if it isn't
    configured."""

    def __init__(
        self,
        database: Database,
        redis: Callable[[], Awaitable[bool | None]],
        *,
        keep: float = KEEP,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keep = keep
        self._database = database
        self._redis = redis
        self._clock = clock
        self._asking: asyncio.Task[Checks] | None = None
        self._asked_at = 0.0

    async def checks(self) -> Checks:
        """Return the state of each dependency; callers during a check share its result."""
        is_old = self._clock() - self._asked_at >= self.keep
        if self._asking is None or (self._asking.done() and is_old):
            self._asked_at = self._clock()
            self._asking = asyncio.create_task(self._ask())
        # shield(): if one caller is cancelled, the others still wait.
        return dict(await asyncio.shield(self._asking))

    async def _ask(self) -> Checks:
        checks = {"database": "ok", "migrations": "ok"}
        try:
            try:
                await self._database.check_writable()
            except DatabaseReadOnly:
                checks["database"] = "read-only"
            await self._database.read(revisions.check)
        except DatabaseUnavailable:
            checks = {"database": "unavailable", "migrations": "unavailable"}
        except revisions.DatabaseBehind:
            checks["migrations"] = "behind"
        except revisions.DatabaseAhead:
            checks["migrations"] = "ahead"
        shared = await self._redis()
        if shared is not None:
            checks["redis"] = "ok" if shared else "unavailable"
        return checks
