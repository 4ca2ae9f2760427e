"""Answers that are produced while they are sent."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from flask import Response, request, stream_with_context

from api.runtime.async_flask import AsyncFlask
from tests.conftest import bridged
from tests.live import served
from tests.serving.call import Call
from tests.serving.observed import Observed
from tests.serving.streaming import iterate
from tests.serving.wire import Http1, Http2

pytestmark = pytest.mark.no_database

N = 300
GET = "GET /events"


class Events:
    """A view at /events whose streams give what is put into `queue`: an exception is raised there,
    None is the end. With `greets`, each says "hello" first.
    """

    def __init__(self, app: AsyncFlask) -> None:
        self.app = app
        self.queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.greets = False
        self.opened = 0
        self.closed = 0
        app.add_url_rule("/events", view_func=self.view)

    async def view(self) -> Response:
        return Response(stream_with_context(iterate(self.app, self.events())))

    async def events(self) -> AsyncGenerator[bytes, None]:
        self.opened += 1
        try:
            if self.greets:
                yield b"hello"
            while (event := await self.queue.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield request.path.encode() + b" " + event
        finally:
            await asyncio.sleep(0)  # the cleanup may have to wait
            self.closed += 1

    def put(self, *events: bytes | Exception | None) -> None:
        for event in events:
            self.queue.put_nowait(event)


@pytest.fixture
def events(app: AsyncFlask) -> Events:
    return Events(app)


@pytest.mark.usefixtures("quiet")
async def test_each_chunk_arrives_before_the_next_is_made(app: AsyncFlask, events: Events) -> None:
    async with served(bridged(app)) as address, Http1.connect(address) as client:
        await client.request(GET)
        events.put(b"first")
        assert (await client.head()).headers["transfer-encoding"] == "chunked"
        assert await client.chunk() == b"/events first"
        events.put(b"second")
        assert await client.chunk() == b"/events second"
        assert events.closed == 0
        events.put(None)
        assert await client.chunk() == b""
        assert events.closed == 1
        await client.request("GET /api/health")  # the connection can be used again
        assert (await client.response()).status == 200


@pytest.mark.usefixtures("quiet")
async def test_hundreds_of_streams_are_open_and_closed_when_their_clients_leave(
    app: AsyncFlask, events: Events
) -> None:
    events.greets = True
    bridge = Observed(bridged(app))
    async with served(bridge) as address:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Http1.connect(address)) for _ in range(N)]
            for client in clients:
                await client.request(GET)
            for client in clients:
                assert (await client.head()).status == 200
                assert await client.chunk() == b"hello"
            assert (events.opened, events.closed, bridge.running) == (N, 0, N)
            async with Http1.connect(address) as plain:
                await plain.request("GET /api/health")
                assert (await plain.response()).status == 200
        await bridge.idle(after=N + 1)
        assert events.closed == N


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("leave", ["connection", "stream"])
async def test_streams_of_http2_end_when_their_client_leaves(
    app: AsyncFlask, events: Events, leave: str
) -> None:
    events.greets = True
    bridge = Observed(bridged(app))
    async with served(bridge) as address, Http2.connect(address) as client:
        streams = [await client.open(GET) for _ in range(10)]
        while not all(response.body for response in client.responses.values()):
            await client.receive()
        for stream in streams:
            if leave == "stream":
                client.h2.reset_stream(stream)
        await client.flush()
        if leave == "connection":
            client.writer.close()
        await bridge.idle(after=10)
        assert events.closed == 10


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("client_class", [Http1, Http2])
async def test_a_stream_ends_with_its_client_before_its_first_chunk(
    app: AsyncFlask, events: Events, client_class: type[Http1]
) -> None:
    bridge = Observed(bridged(app))
    async with served(bridge) as address:
        async with client_class.connect(address) as client:
            if isinstance(client, Http2):
                await client.open(GET)
            else:
                await client.request(GET)
            await bridge.busy(1)
        await bridge.idle()
        assert (events.opened, events.closed) == (events.closed, events.opened)


@pytest.mark.usefixtures("quiet")
async def test_a_stream_with_an_unread_body_ends_with_its_client(
    app: AsyncFlask, events: Events
) -> None:
    bridge = Observed(bridged(app))
    async with served(bridge) as address:
        async with Http1.connect(address) as client:
            await client.request(GET, "Content-Length: 1000000", body=b" " * 1_000_000)
            events.put(b"first")
            assert (await client.head()).status == 200
        await bridge.idle()
        assert events.closed == 1


@pytest.mark.usefixtures("quiet")
async def test_the_head_of_a_stream_never_begins_it(app: AsyncFlask, events: Events) -> None:
    async with served(bridged(app)) as address, httpx.AsyncClient() as client:
        response = await client.head(f"{address}/events")
    assert (response.status_code, response.content) == (200, b"")
    assert events.opened == 0


async def test_a_stream_that_fails_before_its_first_chunk_is_a_problem(
    app: AsyncFlask, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    events.put(KeyError("colour"))
    async with served(bridged(app)) as address, httpx.AsyncClient() as client:
        response = await client.get(f"{address}/events", headers={"X-Request-ID": "abc"})
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Request-ID"] == response.json()["request_id"] == "abc"
    assert events.closed == 1
    assert [r.exc_info[0] for r in caplog.records if r.exc_info] == [KeyError]


async def test_a_stream_that_fails_later_is_cut_off(
    app: AsyncFlask, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    events.put(b"first", KeyError("colour"))
    async with served(bridged(app)) as address, Http1.connect(address) as client:
        await client.request(GET)
        assert (await client.head()).status == 200
        assert await client.chunk() == b"/events first"
        assert await client.closed()  # without the last chunk, which says that it is whole
    assert events.closed == 1
    assert [r.exc_info[0] for r in caplog.records if r.exc_info] == [KeyError]


@pytest.mark.usefixtures("quiet")
async def test_a_stream_may_go_on_after_its_client_has_left(app: AsyncFlask) -> None:
    """The view may ignore the cancellation, but the exchange ends and no error is logged."""

    async def stubborn() -> AsyncGenerator[bytes, None]:
        yield b"first"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield b"second"

    app.add_url_rule("/stubborn", view_func=lambda: Response(iterate(app, stubborn())))
    call = Call(bridged(app), path="/stubborn")
    call.client_sends()
    while (await call.next_sent()).get("body") != b"first":
        pass
    call.client_leaves()
    await call.ended()
    assert [m["body"] for m in call.sent[1:]] == [b"first", b"second", b""]


def test_streams_under_plain_wsgi(app: AsyncFlask) -> None:
    closed = []

    async def numbers() -> AsyncGenerator[str, None]:
        try:
            for n in range(3):
                await asyncio.sleep(0)
                yield f"{request.args['q']}{n} "
        finally:
            closed.append(True)

    def view() -> Any:
        return Response(stream_with_context(iterate(app, numbers())))

    app.add_url_rule("/numbers", view_func=view)
    with app.test_client() as client:
        assert client.get("/numbers?q=x").text == "x0 x1 x2 "
        assert closed == [True]
        response = client.get("/numbers?q=y", buffered=False)
        assert next(iter(response.response)) == b"y0 "
        response.close()
        assert closed == [True, True]
