"""What is wrong with one stream of HTTP/2 stays with it; what floods a connection ends it."""

import asyncio
import contextlib
import json
import logging
from typing import Any

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from api.runtime.async_flask import AsyncFlask
from serving import AWAIT, Bridge
from serving.config import ServerConfig
from serving.frames import FRAMES, MAX_HEADER_TABLE, Http2Connection
from serving.http1 import MAX_FIELDS
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
        {":path": "//api/health"},
        {":path": "/a#b"},
        {":path": "/a?b#c"},
        {":path": "*"},
        {":method": "get"},
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


def test_the_client_does_not_decide_how_large_the_table_of_sent_headers_becomes() -> None:
    connection = Http2Connection(ServerConfig())
    connection.initiate_connection()
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    connection.receive(preface + SettingsFrame(0, {1: 2**32 - 1}).serialize())
    for stream in range(1, 2000, 2):
        request = HeadersFrame(stream, HEADERS, flags=["END_HEADERS", "END_STREAM"])
        connection.receive(request.serialize())
        headers = [(":status", "204"), ("x-request-id", str(stream))]
        connection.send_headers(stream, headers, end_stream=True)
    assert connection.encoder.header_table.maxsize == MAX_HEADER_TABLE
    assert len(connection.encoder.header_table.dynamic_entries) < 100


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


def flood(frame: Frame) -> list[Frame]:
    return [frame] * (FRAMES + 1)


def many(kind: Any, **fields: Any) -> list[Frame]:
    """Streams of `kind` that begin and are given up."""
    frames: list[Frame] = []
    for number in range(1, FRAMES, 2):
        frames += [
            HeadersFrame(number, HEADERS, flags=["END_HEADERS", "END_STREAM"]),
            kind(number, **fields),
        ]
    return frames


HEADERS = bytes.fromhex("82 84 86 41 01 61")  # GET / http a
UPLOAD = HeadersFrame(1, bytes.fromhex("83 84 86 41 01 61"), flags=["END_HEADERS"])  # POST

FLOODS = {
    "ping": flood(PingFrame(0, b"12345678")),
    "settings": flood(SettingsFrame(0)),
    "priority": flood(PriorityFrame(99, depends_on=1, stream_weight=3)),
    "window": flood(WindowUpdateFrame(0, window_increment=1)),
    "empty data": [UPLOAD, *flood(DataFrame(1, b""))],
    "unknown": flood(DataFrame(1, b"")),
    "continuation": [HeadersFrame(1, HEADERS), *flood(ContinuationFrame(1, b""))],
    "header list": [
        HeadersFrame(1, HEADERS, flags=[]),
        *[ContinuationFrame(1, b"\x40\x01a\x7f\xff\x7e" + b"b" * 16_000)] * 10,
    ],
    "rapid reset": many(RstStreamFrame, error_code=8),
}


WRONG_FRAMES = {
    "a window update of 0": WindowUpdateFrame(11),
    "a priority that depends on itself": PriorityFrame(11, depends_on=11),
    "a priority of its headers that depends on itself": HeadersFrame(
        13, HEADERS, depends_on=13, flags=["END_HEADERS", "END_STREAM", "PRIORITY"]
    ),
}


@pytest.mark.parametrize("frame", WRONG_FRAMES.values(), ids=WRONG_FRAMES)
async def test_a_wrong_frame_of_a_stream_leaves_those_beside_it_alone(frame: Frame) -> None:
    bridge = Observed(Bridge(ok))
    async with served(bridge) as address, Http2.connect(address) as client:
        others = [await client.open("POST /", end=False) for _ in range(5)]
        wrong = await client.open("POST /", end=False)
        assert wrong == 11
        await client.send(frame.serialize())
        for stream in others:
            await client.body(stream, b"abc", end=True)
        assert [(await client.answer(stream)).body for stream in others] == [b"ok"] * 5
        if isinstance(frame, WindowUpdateFrame):
            await client.answer(wrong)
            assert client.reset == {wrong}
        else:
            await client.body(wrong, b"abc", end=True)
            assert (await client.answer(wrong)).body == b"ok"


@pytest.mark.parametrize("frames", FLOODS.values(), ids=FLOODS)
async def test_a_flood_ends_its_connection_and_no_other(frames: list[Frame]) -> None:
    bridge = Observed(Bridge(ok))
    async with (
        served(bridge) as address,
        Http2.connect(address) as client,
        Http2.connect(address) as other,
    ):
        await client.flush()
        await client.receive()
        with contextlib.suppress(ConnectionError):
            await client.send(b"".join(frame.serialize() for frame in frames))
            await client.reader.read()  # until the server ends the connection
        assert (await other.answer(await other.open("GET /"))).body == b"ok"
        await bridge.idle()
        assert bridge.begun < FRAMES / 2


async def test_a_client_that_updates_its_windows_all_the_time_is_no_flood() -> None:
    big = b"x" * 5_000_000

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(len(big)))])
        return [big]

    async with served(Bridge(application)) as address, Http2.connect(address) as client:
        for _ in range(4):
            assert (await client.answer(await client.open("GET /"))).body == big


async def test_without_tls_there_is_no_http2_unless_it_is_asked_for() -> None:
    async with (
        served(Bridge(ok), http2_cleartext=False) as address,
        Http1.connect(address) as client,
    ):
        await client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert (await client.response()).status == 505
        assert await client.closed()
