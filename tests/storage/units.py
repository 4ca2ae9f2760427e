"""Small units of work for tests, and a place where one stands still."""

import asyncio

from sqlalchemy import Connection, text
from sqlalchemy.util import await_only

from storage import Database, PoolOptions

INTEGRITY_CHECK = (
    "INSERT INTO gizmos_full_text (gizmos_full_text, rank) VALUES ('integrity-check', 1)"
)
"""For SQLite: raises an error unless the full-text index of the gizmos is as they are."""


def execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def scalars(connection: Connection, query: str) -> list[object]:
    return list(connection.execute(text(query)).scalars())


async def notes(database: Database) -> list[object]:
    return await database.read(scalars, "SELECT body FROM notes ORDER BY body")


PATIENT = PoolOptions(timeout=60, statement_timeout=60)
"""A busy machine is no slow database."""


class Gate:
    """Holds a unit of work, in its thread or its greenlet, from `reached` until `opened`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    def wait(self, connection: Connection) -> None:
        if connection.dialect.is_async:
            self.reached.set()
            await_only(self.opened.wait())
        else:
            self._loop.call_soon_threadsafe(self.reached.set)
            asyncio.run_coroutine_threadsafe(self.opened.wait(), self._loop).result()
