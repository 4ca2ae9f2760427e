"""PostgreSQL's old primary refuses writes, its connections live on, and its address moves."""

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import httpx
import pytest

from api.runtime.async_flask import AsyncFlask
from storage import Database, open_database
from storage.engines import postgresql_connections, postgresql_server
from tests.faults.conftest import (
    CONNECTIONS,
    assert_all_connections_are_back,
    assert_unavailable,
)
from tests.forwarder import Forwarder, socket_of
from tests.postgresql import Server
from tests.storage.units import execute, scalars

NAME = "moving"
READ_ONLY = {"database": "read-only", "migrations": "ok"}


class Pair(NamedTuple):
    """A database of the same name on two servers."""

    old: str
    new: str


@pytest.fixture(scope="module")
def other() -> Iterator[Server]:
    other = Server()
    yield other
    other.stop()


@pytest.fixture
def pair(server: Server, other: Server) -> Iterator[Pair]:
    with server.database(NAME) as old, other.database(NAME) as new:
        yield Pair(old, new)


@pytest.fixture
async def address(pair: Pair) -> AsyncIterator[Forwarder]:
    async with Forwarder(socket_of(pair.old)) as address:
        yield address


def url_of(*addresses: Forwarder | socket.socket) -> str:
    ports = [a.port if isinstance(a, Forwarder) else a.getsockname()[1] for a in addresses]
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://postgres@{hosts}/{NAME}?sslmode=disable"


@pytest.fixture
def postgresql_url(address: Forwarder) -> str:
    """The fixtures `app` and `client` then use this address."""
    return url_of(address)


async def test_the_first_write_after_the_move_reaches_the_new_primary(
    server: Server,
    pair: Pair,
    address: Forwarder,
    app: AsyncFlask,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await assert_all_connections_are_back(app.services[Database])  # and open, from now on
    assert (await client.post("/api/gizmos", json={"name": "Before"})).status_code == 201
    with server.read_only():
        await assert_unavailable(await client.post("/api/gizmos", json={"name": "Meanwhile"}))
        assert (await client.get("/api/gizmos")).status_code == 200
        address.target = socket_of(pair.new)
        monkeypatch.setattr(postgresql_server, "READ_ONLY_AGE", 0)
        assert (await client.post("/api/gizmos", json={"name": "After"})).status_code == 201
        # None of the connections that the pool had leads to the old one any more.
        await assert_all_connections_are_back(app.services[Database])
        for _ in range(CONNECTIONS):
            listed = (await client.get("/api/gizmos")).json()["gizmos"]
            assert [gizmo["name"] for gizmo in listed] == ["After"]


async def test_readiness_notices_it_without_a_write_and_finds_the_new_primary(
    server: Server,
    pair: Pair,
    address: Forwarder,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (await client.get("/api/ready")).status_code == 200
    with server.read_only():
        ready = await client.get("/api/ready")
        assert (ready.status_code, ready.json()["checks"]) == (503, READ_ONLY)
        address.target = socket_of(pair.new)
        monkeypatch.setattr(postgresql_server, "READ_ONLY_AGE", 0)
        assert (await client.get("/api/ready")).status_code == 200


async def test_a_server_that_stays_read_only_costs_no_new_connections(
    server: Server,
    address: Forwarder,
    app: AsyncFlask,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgresql_server, "READ_ONLY_AGE", 3600)
    await assert_all_connections_are_back(app.services[Database])
    with server.read_only():
        accepted = address.accepted
        for _ in range(5):
            await assert_unavailable(await client.post("/api/gizmos", json={"name": "Meanwhile"}))
            assert (await client.get("/api/ready")).status_code == 503
            assert (await client.get("/api/gizmos")).status_code == 200
        assert address.accepted == accepted


async def test_reads_alone_leave_a_server_that_says_it_is_read_only(
    server: Server, pair: Pair, address: Forwarder, app: AsyncFlask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those must that were opened after the old primary had refused the first write."""

    async def shown() -> object:
        [value] = await app.services[Database].read(scalars, "SHOW default_transaction_read_only")
        return value

    with server.read_only():
        # The pool gives each of its connections in turn.
        assert [await shown() for _ in range(CONNECTIONS)] == ["on"] * CONNECTIONS
        address.target = socket_of(pair.new)
        monkeypatch.setattr(postgresql_server, "READ_ONLY_AGE", 0)
        assert [await shown() for _ in range(CONNECTIONS)] == ["off"] * CONNECTIONS


async def test_a_connection_is_replaced_at_its_maximum_age(
    address: Forwarder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_connections, "MAX_AGE", 0)
    async with open_database(url_of(address), auto_migrate=False) as database:
        [first] = await database.read(scalars, "SELECT pg_backend_pid()")
        [second] = await database.read(scalars, "SELECT pg_backend_pid()")
    assert first != second


async def test_the_writable_one_of_several_hosts_is_used(
    server: Server, pair: Pair, address: Forwarder
) -> None:
    """The first takes connections and is silent, the second is read-only."""
    with server.read_only(), socket.create_server(("127.0.0.1", 0)) as silent:
        async with Forwarder(socket_of(pair.new)) as primary:
            url = url_of(silent, address, primary)
            async with open_database(url, auto_migrate=False) as database:
                await database.write(execute, "CREATE TABLE notes (body TEXT)")
                await database.check_writable()
                assert primary.accepted == 1
                await database.administer(execute, "DROP TABLE notes")
                assert primary.accepted == 2
            silent.setblocking(False)
            silent.accept()[0].close()
            with contextlib.suppress(BlockingIOError):
                silent.accept()[0].close()
                pytest.fail("the host that was silent was tried again")
