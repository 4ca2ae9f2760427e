"""What is wrong with one stream of HTTP/2 stays with it, and leaves the others alone."""

import asyncio
import json
import logging
from typing import Any

import pytest

from api.runtime.async_flask import AsyncFlask
from serving import AWAIT, Bridge
from serving.http1_parser import MAX_FIELDS
from tests.conftest import bridged
from tests.live import served
from tests.serving.observed import Observed
from tests.serving.wire import Http1, Http2

pytestmark = pytest.mark.usefixtures("quiet")

JSON = ("content-type", "application/json")
PSEUDO = {":method": "GET", ":path": "/", ":scheme": "http", ":authority": "a"}


def ok(environ: Any, start_response: Any) -> list[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


async def open_raw(client: Http2, headers: dict[str, str | None], *, end: bool = True) -> int:
    """A stream with PSEUDO, changed by `headers`; None leaves one out."""
    stream = client.h2.get_next_available_stream_id()
    merged = {name: value for name, value in {**PSEUDO, **headers}.items() if value is not None}
    encoded = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in merged.items()]
    client.h2.config.normalize_outbound_headers = False
    client.h2.send_headers(stream, encoded, end_stream=end)
    client.responses[stream] = type(client.responses[1])() if client.responses else None  # type: ignore[assignment]
    await client.flush()
    return stream


@pytest.mark.parametrize(
    "headers",
    [
        {":path": "/\xff"},
        {":path": "/a b"},
        {":path": "/a\x01"},
        {":path": ""},
        {":path": "api/health"},
        {":path": "/a#b"},
        {":path": "/a?b#c"},
        {":path": "*"},
        {":path": None},
        {":method": "GE\xd6T"},
        {":method": "GET\x1b[2J"},
        {":method": None},
        {":method": "CONNECT", ":path": None, ":scheme": None},
        {":method": "CONNECT"},
        {":method": "CONNECT", ":protocol": "websocket"},
        {"X-Upper": "a"},
        {"connection": "close"},
        {"transfer-encoding": "chunked"},
        {"x-a": "b\r\nc: d"},
        {"x-a": "b\x01"},
        {"x-a": "b\x7f"},
        {"x a": "b"},
        {":scheme": "ftp"},
        {":scheme": "http\x01"},
        {"content-length": "-1"},
        {"content-length": "5"},
        {":unknown": "a"},
        {":authority": None},
    ],
    ids=str,
)
async def test_a_bad_stream_leaves_five_creates_beside_it_alone(
    app: AsyncFlask, headers: dict[str, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bridge = Observed(bridged(app))
    async with served(bridge) as address, Http2.connect(address) as client:
        creates = [await client.open("POST /api/gizmos", JSON, end=False) for _ in range(5)]
        bad = await open_raw(client, headers)
        for number, stream in enumerate(creates):
            await client.body(stream, b'{"name": "Item %d"}' % number, end=True)
        answers = [await client.answer(stream) for stream in creates]
        assert [answer.status for answer in answers] == [201] * 5
        assert [json.loads(answer.body)["name"] for answer in answers] == [
            f"Item {number}" for number in range(5)
        ]
        refused = await client.answer(bad)
        assert bad in client.reset or refused.status == 400
        assert (await client.answer(await client.open("GET /api/health"))).status == 200
    lines = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert lines == []
    assert "\x1b" not in caplog.text


async def test_too_many_fields_are_refused_however_short_they_are() -> None:
    bridge = Observed(Bridge(ok))
    async with served(bridge) as address, Http2.connect(address) as client:
        allowed, refused = [
            await client.open("GET /", *[("a", "")] * (count - len(PSEUDO)))
            for count in (MAX_FIELDS, MAX_FIELDS + 1)
        ]
        assert (await client.answer(allowed)).status == 200
        assert (await client.answer(refused)).status == 431
    assert bridge.begun == 1


async def test_a_body_that_is_longer_than_declared_fails_alone() -> None:
    bridge = Observed(Bridge(ok))
    async with served(bridge) as address, Http2.connect(address) as client:
        other = await client.open("POST /", end=False)
        bad = await client.open("POST /", ("content-length", "2"), end=False)
        await client.body(bad, b"abc", end=True)
        await client.answer(bad)
        assert bad in client.reset
        await client.body(other, b"abc", end=True)
        assert (await client.answer(other)).body == b"ok"
        await bridge.idle(after=2)


async def test_an_application_that_fails_in_the_middle_resets_its_stream_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/bad":
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise RuntimeError("in the middle")
        await send({"type": "http.response.body", "body": b"ok"})

    async with served(application) as address, Http2.connect(address) as client:
        bad, good = await client.open("GET /bad"), await client.open("GET /good")
        assert (await client.answer(good)).body == b"ok"
        await client.answer(bad)
        assert bad in client.reset
    failures = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert [r.getMessage() for r in failures] == ["Error in ASGI Framework"]
    caplog.clear()


async def test_an_unread_body_does_not_keep_others_from_being_read() -> None:
    """Hypercorn stops reading from the connection after ten messages."""
    read = asyncio.Event()

    def application(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/late":
            environ[AWAIT](read.wait())
        return ok(environ, start_response)

    async with served(Bridge(application)) as address, Http2.connect(address) as client:
        late = await client.open("POST /late", end=False)
        for _ in range(50):
            await client.body(late, b"x" * 100)
        assert (await client.answer(await client.open("POST /"))).body == b"ok"
        read.set()
        await client.body(late, b"x" * 300_000, end=True)
        assert (await client.answer(late)).body == b"ok"


async def test_what_an_ended_stream_has_not_read_is_given_back_to_the_window() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    async with served(application) as address, Http2.connect(address) as client:
        for _ in range(20):
            stream = await client.open("POST /", end=False)
            await client.body(stream, b"x" * 10_000)  # 200,000 bytes where the window has 65,535
            assert (await client.answer(stream)).body == b"ok"


async def test_without_tls_there_is_no_http2_unless_it_is_asked_for() -> None:
    async with (
        served(Bridge(ok), http2_cleartext=False) as address,
        Http1.connect(address) as client,
    ):
        await client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert (await client.response()).status == 505
        assert await client.closed()
