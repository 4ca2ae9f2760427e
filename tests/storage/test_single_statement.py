"""Writes of one statement on PostgreSQL: what reaches the server for each, and what never does."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import Connection

from api import create_app
from api.runtime.async_flask import AsyncFlask
from storage import Database
from storage.collections.viewers import ANONYMOUS, Viewer
from storage.errors import QuotaExceeded
from tests.accounts import account
from tests.factory import settings_for
from tests.forwarder import Forwarder, socket_of
from tests.gizmos import GIZMOS, gizmo_input
from tests.postgresql import Server


def messages(received: bytes) -> Iterator[str]:
    """What makes a round trip each: the first words of simple queries, and "execute" for a
    statement that has been prepared (PostgreSQL's protocol, version 3.0)."""
    while received:
        end = 1 + int.from_bytes(received[1:5])
        kind, content, received = received[:1], received[5:end], received[end:]
        if kind == b"Q":
            yield content.split()[0].strip(b";\0").decode()
        elif kind == b"E":
            yield "execute"


class RoundTrips:
    def __init__(self, forwarder: Forwarder) -> None:
        self._received = forwarder.received

    def seen(self) -> list[str]:
        """Those since the last time."""
        found = list(messages(bytes(self._received)))
        self._received.clear()
        return found


@pytest.fixture
async def forwarder(postgresql: Server) -> AsyncIterator[Forwarder]:
    async with Forwarder(socket_of(postgresql.url_of("postgres"))) as forwarder:
        yield forwarder


@pytest.fixture
async def app(
    postgresql: Server, forwarder: Forwarder, tmp_path: Path
) -> AsyncIterator[AsyncFlask]:
    with postgresql.database() as url:
        name = urlsplit(url).path
        address = f"postgresql://postgres@127.0.0.1:{forwarder.port}{name}?sslmode=disable"
        app = create_app(settings_for(tmp_path, DATABASE_URL=address, DATABASE_POOL_SIZE="1"))
        await app.services[Database].__aenter__()
        yield app
        await app.close()


@pytest.fixture
def database(app: AsyncFlask) -> Database:
    return app.services[Database]


@pytest.fixture
async def sent(database: Database, forwarder: Forwarder) -> RoundTrips:
    sent = RoundTrips(forwarder)
    for _ in range(2):  # the first time, statements are prepared
        gizmo = await database.write(GIZMOS.create, ANONYMOUS, gizmo_input())
        await database.write(GIZMOS.update, ANONYMOUS, gizmo.id, gizmo_input())
        await database.write(GIZMOS.delete, ANONYMOUS, gizmo.id)
        forwarder.received.clear()
    return sent


async def test_a_write_of_one_row_is_one_round_trip(
    client: httpx.AsyncClient, sent: RoundTrips
) -> None:
    created = await client.post("/api/gizmos", json=gizmo_input())
    path = created.headers["Location"]
    assert sent.seen() == ["execute"]
    for method, body in (("PUT", gizmo_input()), ("PATCH", {"quantity": 2}), ("DELETE", None)):
        assert (await client.request(method, path, json=body)).is_success
        assert sent.seen() == ["execute"], method


async def test_with_an_idempotency_key_it_is_a_transaction(
    client: httpx.AsyncClient, sent: RoundTrips
) -> None:
    key = {"Idempotency-Key": "one"}
    assert (await client.post("/api/gizmos", json=gizmo_input(), headers=key)).is_success
    begin, *_, commit = sent.seen()
    assert (begin, commit) == ("BEGIN", "COMMIT")


async def test_a_session_is_one_more(
    app: AsyncFlask, client: httpx.AsyncClient, sent: RoundTrips
) -> None:
    client.headers.update((await account(app)).headers)
    for _ in range(2):
        sent.seen()
        assert (await client.post("/api/gizmos", json=gizmo_input())).is_success
    assert sent.seen() == ["execute", "execute"]


async def test_a_single_statement_that_locks_a_row_runs_again_as_a_transaction(
    database: Database, sent: RoundTrips
) -> None:
    gizmo = await database.write(GIZMOS.create, ANONYMOUS, gizmo_input())

    def change(connection: Connection) -> None:
        connection.execute(GIZMOS._lock.by(ANONYMOUS), {"_row_id": gizmo.id}).one()
        GIZMOS.update(connection, ANONYMOUS, gizmo.id, {"quantity": 2})

    for _ in range(2):
        sent.seen()
        await database.write_statement(change)
    assert sent.seen() == ["BEGIN", "execute", "execute", "COMMIT"]


async def test_a_second_change_is_never_sent(database: Database, sent: RoundTrips) -> None:
    def create_two(connection: Connection) -> None:
        for _ in range(2):
            GIZMOS.create(connection, ANONYMOUS, gizmo_input())

    with pytest.raises(RuntimeError, match="a second change without a transaction: INSERT"):
        await database.write_statement(create_two)
    assert sent.seen() == ["execute"]
    assert (await database.read(GIZMOS.count, ANONYMOUS, {})).number == 1


async def test_a_second_change_after_none_makes_a_transaction(
    app: AsyncFlask, database: Database, sent: RoundTrips
) -> None:
    """A user's number of rows is counted again before another one is refused."""
    ada = Viewer.owner((await account(app)).user.id)
    for _ in range(2):
        row = await database.write_statement(GIZMOS.create, ada, gizmo_input(), quota=1)
        await database.write_statement(GIZMOS.delete, ada, row.id)
    sent.seen()
    await database.write_statement(GIZMOS.create, ada, gizmo_input(), quota=1)
    assert sent.seen() == ["execute", "BEGIN", *["execute"] * 5, "COMMIT"]
    with pytest.raises(QuotaExceeded):
        await database.write_statement(GIZMOS.create, ada, gizmo_input(), quota=1)


async def test_the_next_unit_of_work_on_the_connection_starts_afresh(
    database: Database, sent: RoundTrips
) -> None:
    for _ in range(3):
        await database.write_statement(GIZMOS.create, ANONYMOUS, gizmo_input())
    await database.write(GIZMOS.create, ANONYMOUS, gizmo_input())
    assert sent.seen() == ["execute", "execute", "execute", "BEGIN", "execute", "COMMIT"]
