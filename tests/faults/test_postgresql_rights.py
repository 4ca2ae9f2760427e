"""The rights of the service's role are revoked while it serves."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from tests.faults.conftest import assert_unavailable
from tests.postgresql import Server

READ_ONLY = {"database": "read-only", "migrations": "ok"}


@pytest.fixture
async def owner(server: Server) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The connection of the tables' owner."""
    with server.database("rights") as url:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE ROLE service LOGIN")
        await connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO service")
        await connection.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO service")
        yield connection
        await connection.execute("DROP OWNED BY service")
        await connection.execute("DROP ROLE service")
        await connection.close()


@pytest.fixture
def postgresql_url(server: Server, owner: object) -> str:
    """The fixtures `app` and `client` then connect as this role."""
    return server.url_of("rights").replace("//postgres:", "//service:")


async def test_writes_are_unavailable_and_readiness_says_so(
    owner: "asyncpg.Connection[asyncpg.Record]", client: httpx.AsyncClient
) -> None:
    created = await client.post("/api/gizmos", json={"name": "Before"})
    assert (await client.get("/api/ready")).status_code == 200
    await owner.execute("REVOKE INSERT, UPDATE, DELETE ON gizmos FROM service")
    await assert_unavailable(await client.post("/api/gizmos", json={"name": "Revoked"}))
    await assert_unavailable(await client.delete(created.headers["Location"]))
    assert (await client.get("/api/gizmos")).status_code == 200
    ready = await client.get("/api/ready")
    assert (ready.status_code, ready.json()["checks"]) == (503, READ_ONLY)
    await owner.execute("GRANT ALL ON gizmos TO service")
    assert (await client.post("/api/gizmos", json={"name": "After"})).status_code == 201
    assert (await client.get("/api/ready")).status_code == 200
