"""Frames of HTTP/2 that are wrong or too many: what floods a connection ends it."""

import contextlib
from typing import Any

import pytest
from hyperframe.frame import (
    AltSvcFrame,
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from serving import Bridge
from serving.config import ServerConfig
from serving.frames import FRAMES, MAX_HEADER_TABLE, Http2Connection
from tests.live import served
from tests.serving.observed import Observed
from tests.serving.test_http2_faults import ok
from tests.serving.wire import Http2

pytestmark = pytest.mark.usefixtures("quiet")

HEADERS = bytes.fromhex("82 84 86 41 01 61")  # GET / http a


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


UPLOAD = HeadersFrame(1, bytes.fromhex("83 84 86 41 01 61"), flags=["END_HEADERS"])  # POST
ENDED = [UPLOAD, RstStreamFrame(1, error_code=8)]

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
    "goaway": flood(GoAwayFrame(0)),
    "alternative services": flood(AltSvcFrame(0, origin=b"a", field=b'h2=":1"')),
    "resets of an ended stream": [*ENDED, *flood(RstStreamFrame(1, error_code=8))],
    "windows of an ended stream": [*ENDED, *flood(WindowUpdateFrame(1, window_increment=1))],
    "data of an ended stream": [*ENDED, *flood(DataFrame(1, b"a"))],
    "headers of an ended stream": [*ENDED, *flood(UPLOAD)],
    "rapid reset": many(RstStreamFrame, error_code=8),
}


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


async def test_streams_beyond_the_limit_are_refused_and_the_others_answered() -> None:
    """A client may open them before it knows the limit. Their headers go into HPACK's table."""
    most = ServerConfig().h2_max_concurrent_streams
    bridge = Observed(Bridge(ok))
    async with served(bridge) as address, Http2.connect(address) as client:
        streams = [
            await client.open("POST /", ("x-number", str(number)), end=False)
            for number in range(most + 20)
        ]
        for stream in streams:
            await client.body(stream, b"abc", end=True)
        for stream in streams:
            await client.answer(stream)
        answered = [stream for stream in streams if stream not in client.reset]
        assert answered == streams[:most]
        assert all(client.responses[stream].body == b"ok" for stream in answered)
        assert (await client.answer(await client.open("GET /"))).body == b"ok"
    assert bridge.begun == most + 1


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
