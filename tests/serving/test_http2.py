"""HTTP/2: streams of one connection don't disturb each other, and none is left behind."""

import asyncio
import json
from collections.abc import Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from api.runtime.async_flask import AsyncFlask
from serving import AWAIT, Bridge
from serving.bridge import DRAIN_LIMIT
from tests.conftest import bridged
from tests.live import served
from tests.serving.observed import Observed
from tests.serving.wire import Http2

pytestmark = pytest.mark.usefixtures("quiet")

JSON = ("content-type", "application/json")
BIG = b"x" * 500_000


def big(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """An answer larger than the window that a client opens by itself."""
    start_response("200 OK", [("Content-Length", str(len(BIG)))])
    return [BIG]


@pytest.mark.parametrize(("path", "status"), [("/nope", 404), ("/api/gizmos", 413)])
@pytest.mark.parametrize("size", [3_000_000, DRAIN_LIMIT + 3_000_000])
async def test_an_early_answer_leaves_the_other_streams_alone(
    app: AsyncFlask, path: str, status: int, size: int
) -> None:
    bridge = Observed(bridged(app))
    async with served(bridge) as address, Http2.connect(address) as client:
        upload = await client.open(f"POST {path}", JSON, end=False)
        other = await client.open("POST /api/gizmos", JSON, end=False)
        await client.body(upload, b" " * (size // 2))
        await client.body(other, b'{"name": ')
        await client.body(upload, b" " * (size // 2), end=True)
        assert (await client.answer(upload)).status == status
        await client.body(other, b'"First item"}', end=True)
        assert (await client.answer(other)).status == 201
        assert json.loads(client.responses[upload].body)["status"] == status
        await bridge.idle(after=2)


@pytest.mark.no_database
async def test_an_upload_that_is_never_wanted_is_answered_before_it_ends(app: AsyncFlask) -> None:
    bridge = Observed(bridged(app))
    async with served(bridge) as address, Http2.connect(address) as client:
        upload = await client.open("POST /nope", JSON, end=False)
        while not client.responses[upload].body:
            await client.body(upload, b" " * 100_000)
            await client.receive()
        assert client.responses[upload].status == 404
        # So a client may stop, which does the other streams no harm.
        client.h2.reset_stream(upload)
        await client.flush()
        await bridge.idle()
        healthy = await client.open("GET /api/health")
        assert (await client.answer(healthy)).status == 200


async def test_a_large_answer_comes_whole() -> None:
    async with served(Bridge(big)) as address, Http2.connect(address) as client:
        streams = [await client.open("GET /") for _ in range(5)]
        for stream in streams:
            assert (await client.answer(stream)).body == BIG


@pytest.mark.parametrize("leave", ["connection", "stream"])
async def test_a_client_that_stops_reading_and_leaves_leaves_nothing_behind(leave: str) -> None:
    """Hypercorn waits for room in the window, also where the connection is gone."""
    bridge = Observed(Bridge(big))
    async with served(bridge) as address, Http2.connect(address) as client:
        client.window_updates = False
        streams = [await client.open("GET /") for _ in range(5)]
        while sum(len(response.body) for response in client.responses.values()) < 65_535:
            await client.receive()
        # The others wait until there is room for what they will answer.
        assert bridge.running == 3
        for stream in streams:
            if leave == "stream":
                client.h2.reset_stream(stream)
        await client.flush()
        if leave == "connection":
            client.writer.close()
        await bridge.idle(after=3)


async def test_a_view_that_waits_is_not_ended_by_a_reset() -> None:
    """Only what is sent is cancelled; a view may be in the middle of a write."""
    started, resume, steps = asyncio.Event(), asyncio.Event(), []

    async def write() -> None:
        started.set()
        await resume.wait()
        steps.append("written")

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        environ[AWAIT](write())
        start_response("200 OK", [("Content-Length", "2")])
        yield b"ok"

    bridge = Observed(Bridge(application))
    async with served(bridge) as address, Http2.connect(address) as client:
        stream = await client.open("GET /")
        await started.wait()
        client.h2.reset_stream(stream)
        await client.flush()
        other = await client.open("GET /")  # whose arrival shows that the reset has arrived
        await bridge.busy(2)
        assert steps == []
        resume.set()
        assert (await client.answer(other)).body == b"ok"
        await bridge.idle(after=2)
    assert steps == ["written", "written"]


async def test_options_may_ask_about_the_whole_server() -> None:
    async with served(Bridge(big)) as address, Http2.connect(address) as client:
        assert (await client.answer(await client.open("OPTIONS *"))).status == 200


async def test_what_a_request_says_arrives_as_it_was_sent() -> None:
    seen: WSGIEnvironment = {}

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        seen.update(environ)
        start_response("204 No Content", [("X-Name", "Jürgen")])
        return []

    async with served(Bridge(application)) as address, Http2.connect(address) as client:
        headers = [("cookie", "a=1"), ("cookie", "b=2"), ("x-name", "Zoë"), ("x_name", "no")]
        stream = await client.open("patch //a?q=\xff", *headers)
        answer = await client.answer(stream)
    assert (answer.status, answer.headers["x-name"]) == (204, "Jürgen")
    assert (seen["REQUEST_METHOD"], seen["PATH_INFO"]) == ("patch", "//a")
    assert seen["HTTP_COOKIE"] == "a=1; b=2"
    assert seen["HTTP_X_NAME"] == "Zoë"
    assert seen["QUERY_STRING"] == "q=\xff"
    assert seen["SERVER_PROTOCOL"] == "HTTP/2"
