"""Clients that leave at every stage: no error is logged, and the view's writes are complete."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest
from flask import g

from api.runtime.async_flask import AsyncFlask
from serving import AWAIT, Bridge
from storage import Database
from storage.collections.viewers import ANONYMOUS
from tests.conftest import bridged
from tests.gizmos import GIZMOS, GizmoValues
from tests.live import served
from tests.serving.call import Call
from tests.serving.observed import Observed
from tests.serving.wire import Http1, Http2

pytestmark = pytest.mark.usefixtures("quiet")

JSON = "Content-Type: application/json"
BODY = b'{"name": "First item"}'
BIG = b"x" * 10_000_000


async def close(client: Http1) -> None:
    client.writer.close()


async def half_close(client: Http1) -> None:
    """What a script does that pipes a request into a socket; it still reads."""
    client.writer.write_eof()


async def abort(client: Http1) -> None:
    """What a crash or a firewall does: a reset in place of an end."""
    raw: socket.socket = client.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.abort()


LEAVING = pytest.mark.parametrize("leave", [close, abort])
Leave = Callable[[Http1], Awaitable[None]]


class Writing:
    """A view at /write that waits, in the middle of its work, and then stores a gizmo."""

    def __init__(self, app: AsyncFlask) -> None:
        self.app = app
        self.started = asyncio.Event()
        self.resume = asyncio.Event()
        app.add_url_rule("/write", view_func=self.view, methods=["GET", "POST"])

    async def view(self) -> str:
        g.colour = "red"
        self.started.set()
        await self.resume.wait()
        values = GizmoValues(name=g.colour, description=None, status="todo", quantity=1, tags=[])
        await self.app.services[Database].write(GIZMOS.create, ANONYMOUS, values)
        return "written"


async def names(address: str) -> list[str]:
    async with httpx.AsyncClient(base_url=address) as client:
        return [gizmo["name"] for gizmo in (await client.get("/api/gizmos")).json()["gizmos"]]


@LEAVING
@pytest.mark.parametrize("sent", [b"", BODY[:5]])
@pytest.mark.parametrize("framing", ["Content-Length: 22", "Transfer-Encoding: chunked"])
async def test_leaving_before_the_body_has_come_stores_nothing(
    app: AsyncFlask, leave: Leave, sent: bytes, framing: str
) -> None:
    bridge = Observed(bridged(app))
    async with served(bridge, grace=1) as address:
        async with Http1.connect(address) as client:
            await client.request("POST /api/gizmos", JSON, framing)
            await client.send(b"5\r\n" + sent if "chunked" in framing and sent else sent)
            await bridge.busy(1)
            await leave(client)
            await bridge.idle()
        assert await names(address) == []


@pytest.mark.parametrize("leave", ["connection", "stream"])
async def test_leaving_in_the_body_of_http2_stores_nothing(app: AsyncFlask, leave: str) -> None:
    bridge = Observed(bridged(app))
    async with served(bridge, grace=1) as address:
        async with Http2.connect(address) as client:
            json = ("content-type", "application/json")
            stream = await client.open("POST /api/gizmos", json, end=False)
            await client.body(stream, BODY)
            await bridge.busy(1)
            if leave == "stream":
                client.h2.reset_stream(stream)
                await client.flush()
            else:
                await close(client)
            await bridge.idle()
        assert await names(address) == []


@LEAVING
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_leaving_while_the_view_works_does_not_cut_it_short(
    app: AsyncFlask, leave: Leave, method: str
) -> None:
    writing = Writing(app)
    bridge = Observed(bridged(app))
    async with served(bridge, grace=1) as address:
        async with Http1.connect(address) as client:
            await client.request(f"{method} /write", "Content-Length: 22", body=BODY)
            await writing.started.wait()
            await leave(client)
            # Another request, on a connection that came later, shows that the leave has arrived.
            assert await names(address) == []
            writing.resume.set()
            await bridge.idle(after=2)
        assert await names(address) == ["red"]


async def test_a_client_that_has_only_ended_its_sending_is_answered(app: AsyncFlask) -> None:
    writing = Writing(app)
    async with served(bridged(app), grace=1) as address, Http1.connect(address) as client:
        await client.request("GET /write")
        await half_close(client)
        await writing.started.wait()
        writing.resume.set()
        assert (await client.response()).body == b"written"


@LEAVING
@pytest.mark.parametrize("length", [[("Content-Length", str(len(BIG)))], []])
@pytest.mark.parametrize("body", [b"", b" " * 100_000])
async def test_leaving_while_the_answer_is_sent(
    leave: Leave, length: list[tuple[str, str]], body: bytes
) -> None:
    closed = []

    class Big(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", length)
        return Big([BIG])

    bridge = Observed(Bridge(application))
    async with served(bridge, grace=1) as address, Http1.connect(address) as client:
        await client.request("POST /", f"Content-Length: {len(body)}", body=body)
        assert (await client.head()).status == 200
        assert bridge.running == 1
        await leave(client)
        await bridge.idle()
    assert closed == [True]


@pytest.mark.parametrize("failing", ["http.response.start", "http.response.body"])
@pytest.mark.parametrize("headers", [[], [("Content-Length", "3")]])
async def test_a_server_may_say_by_an_oserror_that_the_client_has_left(
    failing: str, headers: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    """As ASGI 2.4 has it; Hypercorn lets those out that are no ConnectionError."""
    steps = []

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        try:
            start_response("200 OK", headers)
            yield b"abc"
        finally:
            environ[AWAIT](asyncio.sleep(0))
            steps.append("closed")

    class Broken(Call):
        async def _send(self, message: Any) -> None:
            if message["type"] == failing:
                raise TimeoutError(110, "Connection timed out")
            await super()._send(message)

    call = Broken(Bridge(application))
    call.client_sends()
    await call.ended()
    assert [m["type"] for m in call.sent] == ["http.response.start"][: failing.endswith("body")]
    assert steps == ["closed"]
    assert not caplog.records


async def test_an_application_that_lets_the_disconnect_out_is_not_to_blame(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    call = Call(Bridge(application), method="POST")
    call.client_sends(b"abc", more=True)
    call.client_leaves()
    await call.ended()
    assert call.sent == []
    assert not caplog.records
