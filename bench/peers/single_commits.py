"""The application with one commit for each write, whatever else is waiting to be written."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from asgi import app, flask_app, settings
from storage.sqlite import SqliteDatabase

__all__ = ["app"]

T = TypeVar("T")


class SingleCommits(SqliteDatabase):
    """What administers a database is by its nature one transaction each."""

    async def _write(self, unit_of_work: Callable[[Connection], T]) -> T:
        return await self._administer(unit_of_work)


flask_app.database = SingleCommits(
    settings.database_url, auto_migrate=True, observer=flask_app.instruments
)
