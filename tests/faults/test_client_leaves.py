"""The client leaves while its write waits: the write is whole, its connection comes back."""

import asyncio
import sqlite3
from pathlib import Path

import httpx
from sqlalchemy import Connection

from bench.durability import Service, stored_names
from storage import open_database
from tests.sqlite import migrated_database
from tests.storage.units import Gate, execute, scalars


async def send_and_leave(address: str, name: str) -> None:
    """POST a gizmo, and cut the connection once the server holds the whole request."""
    host, port = address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    body = f'{{"name": "{name}"}}'.encode()
    writer.write(
        b"POST /api/gizmos HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    await writer.drain()
    writer.transport.abort()


async def test_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    gate = Gate()

    def lock(connection: Connection) -> None:
        execute(connection, "LOCK TABLE gizmos IN SHARE MODE")
        gate.wait(connection)

    waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'gizmos'::regclass AND NOT granted"
    environ = {"DATABASE_POOL_SIZE": "1", "DATABASE_STATEMENT_TIMEOUT": "3600"}
    async with open_database(postgresql_url, auto_migrate=True) as database:
        with Service(tmp_path, postgresql_url, **environ) as service:
            locking = asyncio.ensure_future(database.write(lock))
            await gate.reached.wait()
            leaving = asyncio.ensure_future(send_and_leave(service.address, "left"))
            while await database.read(scalars, waiting) != [1]:
                pass
            await leaving
            gate.opened.set()
            await locking
            async with httpx.AsyncClient(base_url=service.address) as client:
                # The pool's only connection serves again when the write is over.
                created = await client.post("/api/gizmos", json={"name": "stayed"})
                assert created.status_code == 201
    assert sorted(await stored_names(postgresql_url)) == ["left", "stayed"]


async def test_on_sqlite(tmp_path: Path) -> None:
    url = migrated_database(tmp_path)
    with Service(tmp_path, url) as service:
        async with httpx.AsyncClient(base_url=service.address) as client:
            assert (await client.get("/api/ready")).status_code == 200
            other = sqlite3.connect(tmp_path / "api.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            for name in "0123":
                await send_and_leave(service.address, name)
            other.execute("COMMIT")
            other.close()
            created = await client.post("/api/gizmos", json={"name": "stayed"})
            assert created.status_code == 201
    stored = await stored_names(url)
    # Whether a request was read before its connection ended is for the kernel to say.
    assert set(stored) - set("0123") == {"stayed"}
    assert len(stored) == len(set(stored))
