"""PostgreSQL answers late, or not at all; its connections are all taken."""

import asyncio

import httpx
import pytest
from sqlalchemy import Connection
from sqlalchemy.util import await_only

from api.runtime.async_flask import AsyncFlask
from storage import Database, DatabaseUnavailable
from tests.faults.conftest import (
    CONNECTIONS,
    assert_all_connections_are_back,
    assert_unavailable,
)
from tests.postgresql import Server
from tests.storage.units import execute, scalars


async def test_no_request_waits_for_a_server_that_stands_still(
    server: Server, app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    await assert_all_connections_are_back(app.services[Database])
    with server.paused():
        requests = [
            asyncio.ensure_future(request)
            for _ in range(2 * CONNECTIONS)
            for request in (
                client.get("/api/gizmos"),
                client.post("/api/gizmos", json={"name": "Meanwhile"}),
            )
        ]
        assert (await client.get("/api/health")).status_code == 200
        assert not any(request.done() for request in requests)
        for response in await asyncio.gather(*requests):
            await assert_unavailable(response)
        # The pool is empty now; new connections are taken by the kernel, and not answered.
        await assert_unavailable(await client.get("/api/gizmos"))
        assert (await client.get("/api/ready")).status_code == 503
    assert (await client.get("/api/gizmos")).status_code == 200
    assert (await client.post("/api/gizmos", json={"name": "After"})).status_code == 201
    await assert_all_connections_are_back(app.services[Database])


async def test_closing_does_not_wait_for_a_server_that_stands_still(
    server: Server, app: AsyncFlask
) -> None:
    await assert_all_connections_are_back(app.services[Database])
    with server.paused():
        await app.close()
    assert await app.services[Database].read(scalars, "SELECT 1") == [1]


async def test_a_request_that_gets_no_connection_is_503(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    leave = asyncio.Event()
    inside = asyncio.Barrier(CONNECTIONS + 1)

    def stay(connection: Connection) -> None:
        await_only(inside.wait())
        await_only(leave.wait())

    staying = [asyncio.ensure_future(app.services[Database].read(stay)) for _ in range(CONNECTIONS)]
    await inside.wait()
    with pytest.raises(DatabaseUnavailable, match="limit"):
        await app.services[Database].read(scalars, "SELECT 1")
    waiting = asyncio.ensure_future(client.get("/api/gizmos"))
    assert (await client.get("/api/health")).status_code == 200
    assert (await client.get("/openapi.json")).status_code == 200
    assert not waiting.done()
    await assert_unavailable(await waiting)
    leave.set()
    await asyncio.gather(*staying)
    assert (await client.get("/api/gizmos")).status_code == 200
    await assert_all_connections_are_back(app.services[Database])


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_a_statement_ends_at_its_deadline(app: AsyncFlask, kind: str) -> None:
    unit = app.services[Database].read if kind == "read" else app.services[Database].write
    with pytest.raises(DatabaseUnavailable, match="statement timeout"):
        await unit(execute, "SELECT pg_sleep(60)")
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
    assert await app.services[Database].administer(scalars, f"{running} AND state = 'active'") == [
        0
    ]
    await assert_all_connections_are_back(app.services[Database])


async def test_a_migration_has_no_deadline(app: AsyncFlask) -> None:
    assert await app.services[Database].administer(scalars, "SHOW statement_timeout") == ["0"]
    assert await app.services[Database].read(scalars, "SHOW statement_timeout") == ["1s"]


async def test_a_cancelled_unit_of_work_gives_its_connection_back(app: AsyncFlask) -> None:
    begun = asyncio.Event()

    def insert_and_wait(connection: Connection) -> None:
        execute(connection, "INSERT INTO notes VALUES ('a')")
        begun.set()
        execute(connection, "SELECT pg_sleep(60)")

    await app.services[Database].administer(execute, "CREATE TABLE notes (body TEXT)")
    for _ in range(CONNECTIONS + 1):
        begun.clear()
        writing = asyncio.ensure_future(app.services[Database].write(insert_and_wait))
        await begun.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert await app.services[Database].read(scalars, "SELECT count(*) FROM notes") == [0]
    await assert_all_connections_are_back(app.services[Database])
