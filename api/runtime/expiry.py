"""Delete expired rows from the database regularly while the application serves. Every process does;
storage.accounts.sessions prevents conflicts between them."""

import asyncio
from contextlib import suppress

import structlog

from storage import Database, DatabaseUnavailable
from storage.accounts.sessions import delete_expired

PERIOD = 60.0
"""The seconds between two deletions."""

log = structlog.get_logger(__name__)


class Expiry:
    def __init__(self, database: Database, *, period: float = PERIOD) -> None:
        self._database = database
        self._period = period
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Let a transaction that runs be rolled back or end."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def delete(self) -> None:
        """Delete all that has expired by now. Raises DatabaseUnavailable."""
        while not await self._database.write(delete_expired):
            pass

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._period)
            try:
                await self.delete()
            except DatabaseUnavailable as error:
                log.warning("expired_rows_not_deleted", cause=str(error))
            except Exception:  # the next deletion may succeed
                log.exception("expired_rows_not_deleted")
