"""Clients that attack a server until they are killed: `python -m bench.hostile NAME PORT`.

Each is a process of its own, so that what it does costs the measuring client little.
"""

import asyncio
import contextlib
import itertools
import json
import ssl
import sys
from collections.abc import Awaitable, Callable, Coroutine

from h2.config import H2Configuration
from h2.connection import H2Connection

ATTACKER = "127.0.0.1"
"""Its own address, and the server's. The measuring client has another, so rate limits differ."""

Attack = Callable[[int], Coroutine[None, None, None]]


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    trusting.set_alpn_protocols(["h2", "http/1.1"])
    return await asyncio.open_connection(ATTACKER, port, ssl=trusting, limit=1024)


async def without_end(
    act: Callable[[], Awaitable[None]], at_once: int, *, pause: float = 0.01
) -> None:
    """Do `act` again and again, `at_once` of them side by side, `pause` seconds in between."""

    async def repeat() -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await act()
            await asyncio.sleep(pause)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(repeat())


async def until_closed(reader: asyncio.StreamReader) -> None:
    """Wait for the server, and take nothing of what it sends."""
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110  # there is no event for it
        await asyncio.sleep(0.05)


def headers(path: str, method: str = "GET") -> list[tuple[bytes, bytes]]:
    pairs = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "a")]
    return [(name.encode(), value.encode("latin-1")) for name, value in pairs]


def streams(client: H2Connection, path: str, count: int, method: str = "GET") -> bytes:
    for _ in range(count):
        stream = client.get_next_available_stream_id()
        client.send_headers(stream, headers(path, method), end_stream=True)
    return client.data_to_send()


def http2() -> H2Connection:
    config = H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
    client = H2Connection(config)
    client.initiate_connection()
    return client


def closed_windows(path: str, connections: int) -> Attack:
    """100 streams each, of which nothing is ever taken."""

    async def attack(port: int) -> None:
        async def act() -> None:
            reader, writer = await connect(port)
            writer.write(streams(http2(), path, 100))
            await until_closed(reader)
            writer.transport.abort()

        await without_end(act, connections, pause=1)

    return attack


def unread(request: bytes, connections: int) -> Attack:
    """Connections that send `request`, read nothing, and stay."""

    async def attack(port: int) -> None:
        async def act() -> None:
            reader, writer = await asyncio.open_connection(ATTACKER, port, limit=1024)
            writer.write(request)
            await until_closed(reader)
            writer.transport.abort()

        await without_end(act, connections, pause=1)

    return attack


def repeated(method: str, path: str, media: str, body: bytes) -> Attack:
    """One request after the other, on four connections."""
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {media}\r\n"
    request = head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body

    async def attack(port: int) -> None:
        async def act() -> None:
            reader, writer = await asyncio.open_connection(ATTACKER, port)
            writer.write(request)
            await reader.read()
            writer.transport.abort()

        await without_end(act, 4)

    return attack


def flood(more: Callable[[H2Connection, int], bytes]) -> Attack:
    """What `more` makes, over HTTP/2, as fast as it is taken; a new connection after each end."""

    async def attack(port: int) -> None:
        async def act() -> None:
            reader, writer = await connect(port)
            client = http2()
            writer.write(client.data_to_send())
            for number in itertools.count():
                if reader.at_eof() or client.outbound_flow_control_window < 0:
                    break
                writer.write(more(client, number))
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.001):
                        await reader.read(65536)
            writer.transport.abort()

        await without_end(act, 4)

    return attack


def pings(client: H2Connection, number: int) -> bytes:
    for _ in range(100):
        client.ping(number.to_bytes(8))
    return client.data_to_send()


def resets(client: H2Connection, number: int) -> bytes:
    data = streams(client, "/api/health", 1)
    client.reset_stream(client.highest_outbound_stream_id, 8)
    return data + client.data_to_send()


def bad_streams(client: H2Connection, number: int) -> bytes:
    path, method = (("/\xff", "GET"), ("/", "GE\xd6T"), ("a:1", "CONNECT"))[number % 3]
    return streams(client, path, 1, method)


GET = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"
MARKS = "a" + "\u0301\u0327" * 200_000
MEMBERS = json.dumps({f"k{number}": 0 for number in range(95_000)}).encode()[: 1024 * 1024]
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
REGISTRATION = json.dumps({"email": MARKS, "password": "p" * 20}, ensure_ascii=False).encode()

TLS: dict[str, Attack] = {
    "HTTP/2, 20 x 100 closed windows on /openapi.json": closed_windows("/openapi.json", 20),
    "HTTP/2, 3 x 100 closed windows on lists of 200": closed_windows("/api/gizmos?limit=200", 3),
    "HTTP/2, bad streams": flood(bad_streams),
    "HTTP/2, streams reset at once": flood(resets),
    "HTTP/2, PINGs": flood(pings),
}
PLAIN: dict[str, Attack] = {
    "HTTP/1.1, 100 pipelines of 100 on /openapi.json, unread": unread(
        GET % b"/openapi.json" * 100, 100
    ),
    "HTTP/1.1, 100 lists of 200, unread": unread(GET % b"/api/gizmos?limit=200", 100),
    "1,500 connections that say nothing": unread(b"", 1500),
    "1,500 connections with half a body": unread(
        b"POST /api/gizmos HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", 1500
    ),
    "registration with 200,000 combining marks": repeated(
        "POST", "/api/auth/register", JSON, REGISTRATION
    ),
    "JSON of 95,000 members": repeated("POST", "/api/gizmos", JSON, MEMBERS),
    "form of 1 MiB, all %41": repeated(
        "POST", "/api/auth/token", FORM, b"username=" + b"%41" * 349_000
    ),
}

if __name__ == "__main__":
    print("ready", flush=True)
    asyncio.run({**TLS, **PLAIN}[sys.argv[1]](int(sys.argv[2])))
