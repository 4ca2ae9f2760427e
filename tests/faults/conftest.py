"""A PostgreSQL that tests may stop, and the application on it."""

import asyncio
import faulthandler
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection
from sqlalchemy.util import await_only

from api import create_app
from api.observability.readiness import Readiness
from api.runtime.async_flask import AsyncFlask
from storage import Database
from tests.conftest import bridged
from tests.factory import settings_for
from tests.postgresql import Server

CONNECTIONS = 3


@pytest.fixture
def takes_long() -> None:
    """For tests that may take longer than pytest lets a process hang (faulthandler_timeout)."""
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def postgresql_url(server: Server) -> Iterator[str]:
    with server.database() as url:
        yield url


@pytest.fixture
async def app(tmp_path: Path, postgresql_url: str) -> AsyncIterator[AsyncFlask]:
    settings = settings_for(
        tmp_path,
        DATABASE_URL=postgresql_url,
        DATABASE_POOL_SIZE=str(CONNECTIONS),
        DATABASE_POOL_TIMEOUT="1",
        DATABASE_STATEMENT_TIMEOUT="1",
    )
    app = create_app(settings)
    app.services[Readiness].keep = 0
    await app.services[Database].__aenter__()
    yield app
    await app.close()


@pytest.fixture
async def client(app: AsyncFlask) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(bridged(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


async def assert_unavailable(response: httpx.Response) -> None:
    """The problem that says so, and when to try again."""
    assert response.status_code == 503, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] == "1"
    assert response.json()["type"] == "/errors/database-unavailable"
    assert response.json()["detail"] == "The database can't be used at the moment."


async def assert_all_connections_are_back(database: Database) -> None:
    """All of the pool's connections can be in use at once: none was lost on the way."""
    everyone = asyncio.Barrier(CONNECTIONS)

    def meet(connection: Connection) -> None:
        await_only(everyone.wait())

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(database.read(meet))
