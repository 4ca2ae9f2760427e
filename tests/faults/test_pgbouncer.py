"""PgBouncer in between, which gives each transaction whichever server connection is free."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from storage import Database, DatabaseUnavailable, PoolOptions, open_database
from storage.collections.viewers import ANONYMOUS
from tests.faults.conftest import CONNECTIONS
from tests.gizmos import GIZMOS, GizmoValues
from tests.postgresql import Server
from tests.storage.units import execute, scalars

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")

pytestmark = pytest.mark.skipif(
    PGBOUNCER is None and "CI" not in os.environ, reason="needs Debian's package pgbouncer"
)

OPTIONS = PoolOptions(size=CONNECTIONS, pgbouncer=True)
VALUES: GizmoValues = {
    "name": "First item",
    "description": None,
    "status": "todo",
    "quantity": 1,
    "tags": ["home"],
}


@contextlib.contextmanager
def running(configuration: Path, user: str | None) -> Iterator[None]:
    """Run PgBouncer until the end; `user`: the user as which it runs, because it refuses root."""
    assert PGBOUNCER is not None, "apt-get install pgbouncer"
    command = [PGBOUNCER, *(["-u", user] if user else []), str(configuration)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            log = ""
            while "process up" not in log:
                line = process.stderr.readline()
                assert line, log
                log += line
            yield
        finally:
            process.terminate()


@pytest.fixture
def pooled_url(tmp_path: Path, server: Server, postgresql_url: str) -> Iterator[str]:
    """A database through a PgBouncer that has two connections to the server."""
    name = urlsplit(postgresql_url).path[1:]
    [folder] = parse_qs(urlsplit(postgresql_url).query)["host"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = tmp_path / "pgbouncer.ini"
    configuration.write_text(
        textwrap.dedent(f"""
            [databases]
            {name} = host={folder} user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = 2
            log_connections = 0
            log_disconnections = 0
        """)
    )
    with running(configuration, server.process.system_user):
        yield f"postgresql://postgres@127.0.0.1:{port}/{name}"


@pytest.fixture
async def database(pooled_url: str) -> AsyncIterator[Database]:
    async with open_database(pooled_url, auto_migrate=True, pool=OPTIONS) as database:
        yield database


async def test_units_of_work_of_several_pools_share_two_connections(
    pooled_url: str, database: Database
) -> None:
    async def create_and_get(database: Database) -> None:
        for _ in range(20):
            created = await database.write(GIZMOS.create, ANONYMOUS, VALUES)
            assert await database.read(GIZMOS.get, ANONYMOUS, created.id) == created

    async with open_database(pooled_url, auto_migrate=True, pool=OPTIONS) as other:
        await asyncio.gather(
            *(create_and_get(one) for one in (database, other) for _ in range(CONNECTIONS))
        )
    assert await database.read(scalars, "SELECT count(*) FROM gizmos") == [40 * CONNECTIONS]
    # What is prepared under a name would stay in the server's connections for ever.
    assert await database.read(scalars, "SELECT name FROM pg_prepared_statements") == []


async def test_a_statement_ends_at_its_deadline_though_the_server_has_none(
    database: Database,
) -> None:
    for _ in range(CONNECTIONS):
        with pytest.raises(DatabaseUnavailable, match="doesn't answer"):
            await database.read(execute, "SELECT pg_sleep(60)")
    assert await database.read(scalars, "SELECT 1") == [1]


async def test_a_start_without_the_setting_says_what_is_wrong(pooled_url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="unsupported startup parameter"):
        async with open_database(pooled_url, auto_migrate=True):
            pass
