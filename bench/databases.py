"""Databases for the contestants, each a copy of a database that is made beforehand."""

import asyncio
import contextlib
import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from sqlalchemy import make_url

from bench.contestants import POSTGRESQL, SQLITE
from bench.dataset import CHUNK, gizmos
from bench.lists import execute, insert_rows
from storage import open_database
from tests.gizmos import GIZMOS
from tests.migrated import migrate
from tests.postgresql import Server


class Databases(Protocol):
    def copy(self, folder: Path) -> contextlib.AbstractContextManager[str]:
        """Make a copy, whose files may be in `folder`, and return its URL."""


class SqliteDatabases:
    def __init__(self, template: Path) -> None:
        self._template = template

    @contextlib.contextmanager
    def copy(self, folder: Path) -> Iterator[str]:
        yield f"sqlite:///{shutil.copy(self._template, folder / 'api.db')}"


class PostgresDatabases:
    def __init__(self, server: Server, template: str) -> None:
        self._server = server
        self._template = template

    def copy(self, folder: Path) -> contextlib.AbstractContextManager[str]:
        return self._server.database(template=self._template)


@contextlib.contextmanager
def made(folder: Path, size: int) -> Iterator[tuple[dict[str, Databases], Path]]:
    """Make a database of each kind with the same `size` items, and a file with the items' ids in
    the order of their creation."""
    ids = folder / "ids"
    template = folder / "template.db"
    asyncio.run(_fill(f"sqlite:///{template}", size, ids))
    with ExitStack() as stack:
        server = Server(fsync=True)
        stack.callback(server.stop)
        url = stack.enter_context(server.database())
        asyncio.run(_fill(url, size, ids))
        name = make_url(url).database
        assert name is not None
        databases: dict[str, Databases] = {
            SQLITE: SqliteDatabases(template),
            POSTGRESQL: PostgresDatabases(server, name),
        }
        yield databases, ids


async def _fill(url: str, size: int, ids: Path) -> None:
    chooser = random.Random(size)
    await migrate(url)
    async with open_database(url, auto_migrate=False) as database:
        with ids.open("w") as file:
            for start in range(0, size, CHUNK):
                rows = list(gizmos(size, start, chooser))
                await database.administer(insert_rows, GIZMOS.table, rows)
                file.writelines(f"{row['id']}\n" for row in rows)
        await database.administer(execute, "ANALYZE")
