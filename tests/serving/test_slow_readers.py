"""Clients that don't take what they have asked for: bounded in bytes, and cut off in the end."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from serving import connections
from serving.admission import MAX_UNANSWERED, ROOM
from serving.asgi import Receive, Scope, Send
from serving.streams import HIGH_WATER
from tests.live import HUNG, Running, started
from tests.serving.observed import Observed
from tests.serving.wire import Http1, Http2

pytestmark = pytest.mark.usefixtures("quiet")

MEGABYTE = b"x" * 1_000_000
IMPATIENT = {"send_timeout": 0.2}
PATIENT = {"send_timeout": HUNG}


async def megabytes(scope: Scope, receive: Receive, send: Send) -> None:
    """`/` answers a megabyte, `/2` two of them, `/small` a few bytes."""
    path = scope["path"][1:]
    body = b"small" if path == "small" else MEGABYTE * int(path or 1)
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def application() -> Observed:
    return Observed(megabytes)


def unsent(running: Running) -> int:
    """How many bytes of answers the server holds for its clients."""
    return running.server._context._unsent


async def fill(client: Http2) -> None:
    """Take what the windows let through, and open them no more."""
    client.window_updates = False
    while client.h2.inbound_flow_control_window:
        await client.receive()


async def ended(client: Http2) -> None:
    """Take what comes until the connection has ended."""
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            await client.receive()


async def small_buffer(address: str) -> Http1:
    """A connection whose own system takes little, too."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    host, _, port = address.removeprefix("http://").rpartition(":")
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    return Http1(*await asyncio.open_connection(sock=sock, limit=1024))


async def cut_off(client: Http1) -> None:
    """Wait until the connection is aborted, without reading from it before."""
    sock = client.writer.get_extra_info("socket")
    while not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        try:
            client.writer.write(b"\r\n")
            await client.writer.drain()
        except ConnectionError:
            return
        await asyncio.sleep(0)


async def test_http1_that_takes_nothing_is_cut_off(application: Observed) -> None:
    async with started(application, **IMPATIENT) as server:
        client = await small_buffer(server.address)
        await client.request("GET /9")
        await cut_off(client)
        await application.idle()
        assert unsent(server) == 0
        client.writer.transport.abort()


async def test_a_pipeline_whose_answers_are_not_taken_is_cut_off(application: Observed) -> None:
    async with started(application, **IMPATIENT) as server:
        client = await small_buffer(server.address)
        await client.send(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
        await cut_off(client)
        await application.idle()
        assert application.begun < 10
        client.writer.transport.abort()


async def test_http1_that_reads_slowly_is_served(application: Observed) -> None:
    async with started(application, **PATIENT) as server:
        client = await small_buffer(server.address)
        await client.request("GET /3")
        head = await client.head()
        left = int(head.headers["content-length"])
        while left:
            left -= len(await client.reader.read(1000))
        client.writer.transport.abort()


async def test_a_stream_of_which_nothing_is_taken_is_reset(application: Observed) -> None:
    async with started(application, **IMPATIENT) as server, Http2.connect(server.address) as client:
        streams = [await client.open("GET /") for _ in range(3)]
        await fill(client)
        assert unsent(server) > 0
        while client.reset != set(streams):
            await client.receive()
        await application.idle()
        assert unsent(server) == 0
        # The connection is as good as before, with a larger window.
        client.h2.increment_flow_control_window(100_000)
        await client.flush()
        assert (await client.answer(await client.open("GET /small"))).body == b"small"


async def test_a_stream_that_is_taken_in_small_parts_is_served(application: Observed) -> None:
    async with started(application, **PATIENT) as server, Http2.connect(server.address) as client:
        stream = await client.open("GET /")
        await fill(client)
        while stream not in client.ended:
            client.h2.increment_flow_control_window(20_000)
            client.h2.increment_flow_control_window(20_000, stream)
            await client.flush()
            await client.receive()
        assert client.responses[stream].body == MEGABYTE


async def test_a_hundred_streams_with_closed_windows_hold_little(application: Observed) -> None:
    """What they will answer isn't even made before there is room for it."""
    async with (
        started(application, grace=0, **PATIENT) as server,
        Http2.connect(server.address) as client,
    ):
        streams = [await client.open("GET /") for _ in range(100)]
        await fill(client)
        assert unsent(server) <= ROOM + len(MEGABYTE)
        assert application.begun == 2
        # And they are answered when there is.
        client.window_updates = True
        client.h2.increment_flow_control_window(2**20)
        for stream in streams[:2]:
            client.h2.increment_flow_control_window(2**20, stream)
        await client.flush()
        answers = [await client.answer(stream) for stream in streams[:10]]
        assert {len(answer.body) for answer in answers} == {len(MEGABYTE)}


async def test_no_more_than_a_few_requests_of_a_connection_are_under_way_at_once() -> None:
    """Or the answers of a hundred could be made before there is any that waits."""
    go = asyncio.Event()

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        await go.wait()
        await megabytes(scope, receive, send)

    application = Observed(wait)
    async with started(application) as server, Http2.connect(server.address) as client:
        streams = [await client.open("GET /small") for _ in range(MAX_UNANSWERED + 10)]
        await application.busy(MAX_UNANSWERED)
        async with Http1.connect(server.address) as other:  # which is not concerned
            await other.request("GET /small")
            await application.busy(MAX_UNANSWERED + 1)
            go.set()
            assert (await other.response()).body == b"small"
        answers = [await client.answer(stream) for stream in streams]
        assert {answer.body for answer in answers} == {b"small"}


async def test_a_stream_is_made_no_faster_than_it_is_taken() -> None:
    made = 0

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal made
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            made += 1000

    async with (
        started(endless, grace=0, **PATIENT) as server,
        Http2.connect(server.address) as client,
    ):
        await client.open("GET /")
        await fill(client)
        assert made <= 65_535 + HIGH_WATER + 1000


async def test_the_connection_that_holds_most_is_cut_off_when_all_hold_too_much(
    application: Observed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "MAX_UNSENT", 8_000_000)
    async with started(application, grace=0, **PATIENT) as server:
        clients = [await small_buffer(server.address) for _ in range(3)]
        for begun, (client, path) in enumerate(zip(clients, ("/3", "/9", "/3"), strict=True), 1):
            await client.request(f"GET {path}")
            await application.busy(begun)
        await cut_off(clients[1])
        async with Http2.connect(server.address) as multiplexed:
            await multiplexed.open("GET /9")
            multiplexed.window_updates = False
            await ended(multiplexed)
        assert 0 < unsent(server) <= 6_000_000
        for client in clients:
            client.writer.transport.abort()
    assert any("bytes wait for clients" in line for line in caplog.messages)


@pytest.fixture
async def tls(
    tmp_path: Path, application: Observed
) -> AsyncIterator[tuple[Running, ssl.SSLContext]]:
    authority, certificate = trustme.CA(), tmp_path / "certificate.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    async with started(application, tls_certfile=str(certificate), **IMPATIENT) as server:
        yield server, trusted


async def test_who_takes_nothing_through_tls_is_cut_off(
    tls: tuple[Running, ssl.SSLContext], application: Observed
) -> None:
    server, trusted = tls
    client = await small_buffer(server.address)
    await client.writer.start_tls(trusted, server_hostname="127.0.0.1")
    await client.request("GET /9")
    await cut_off(client)
    await application.idle()
    assert unsent(server) == 0
    client.writer.transport.abort()
