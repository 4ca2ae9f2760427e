"""What changes in the answers of a server that is about to stop."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from flask import Response

from api.runtime.async_flask import AsyncFlask
from serving import Bridge
from serving.asgi import Application, Message, Receive, Scope, Send
from serving.drain import STOPPING, Drain
from tests.conftest import bridged
from tests.live import served
from tests.serving.call import Call, answer_of
from tests.serving.wire import Http1, Http2

pytestmark = pytest.mark.no_database

pytestmark = pytest.mark.usefixtures("quiet")


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    body = str(scope[STOPPING]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def test_the_application_sees_that_the_server_is_stopping() -> None:
    drain = Drain(plain)
    assert (await answer_of(drain)).body == b"False"
    drain.stopping = True
    assert (await answer_of(drain)).body == b"True"


async def test_so_is_a_wsgi_application() -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [str(environ["serving.stopping"]).encode()]

    drain = Drain(Bridge(application))
    assert (await answer_of(drain)).body == b"False"
    drain.stopping = True
    assert (await answer_of(drain)).body == b"True"
    assert (await answer_of(Bridge(application))).body == b"False"


@pytest.mark.parametrize(("version", "close"), [("1.1", "close"), ("2", None)])
async def test_each_answer_over_http1_says_that_it_is_the_last(
    version: str, close: str | None
) -> None:
    drain = Drain(plain)
    assert (await answer_of(drain, version=version)).header("connection") is None
    drain.close()
    answer = await answer_of(drain, version=version)
    assert (answer.header("connection"), answer.header("x-a")) == (close, "1")


class Ticker:
    """An application whose answers never end by themselves."""

    def __init__(self, content_type: bytes) -> None:
        self.content_type = content_type
        self.ended: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", self.content_type)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            await send({"type": "http.response.body", "body": b"tick\n\n", "more_body": True})
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.ended.append(scope["path"])
            raise


async def ticking(application: Application, path: str) -> Call:
    """A call whose first tick has come."""
    call = Call(application, path=path)
    call.client_sends()
    while (await call.next_sent()).get("body") != b"tick\n\n":
        pass
    return call


async def test_open_event_streams_come_to_a_proper_end() -> None:
    ticker = Ticker(b"text/event-stream; charset=utf-8")
    drain = Drain(ticker)
    calls = [await ticking(drain, f"/{n}") for n in range(3)]
    drain.close()
    for call in calls:
        answer = await call.answer()
        assert (answer.status, answer.body, answer.complete) == (200, b"tick\n\n", True)
    assert sorted(ticker.ended) == ["/0", "/1", "/2"]


async def test_an_event_stream_that_is_asked_for_later_ends_as_it_begins() -> None:
    drain = Drain(Ticker(b"text/event-stream"))
    drain.close()
    answer = await answer_of(drain)
    assert answer.complete
    assert answer.header("connection") == "close"


async def test_no_other_stream_is_ended() -> None:
    ticker = Ticker(b"application/x-ndjson")
    drain = Drain(ticker)
    call = await ticking(drain, "/")
    drain.close()
    other = await ticking(drain, "/other")
    for stream in (call, other):
        stream.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stream.ended()
        assert stream.sent[-1]["more_body"]


async def test_an_event_stream_that_ends_by_itself_ends_once() -> None:
    drain = Drain(Ticker(b""))

    async def last_words(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        drain.close()
        await send({"type": "http.response.body", "body": b"bye", "more_body": False})
        await asyncio.Event().wait()

    drain.application = last_words
    answer = await answer_of(drain)
    assert (answer.body, answer.complete) == (b"bye", True)


async def test_a_client_may_leave_just_then() -> None:
    ticker = Ticker(b"text/event-stream")
    drain = Drain(ticker)

    class Gone(Call):
        async def _send(self, message: Message) -> None:
            if message.get("body") == b"":
                raise BrokenPipeError
            await super()._send(message)

    call = Gone(drain)
    call.client_sends()
    while (await call.next_sent()).get("body") != b"tick\n\n":
        pass
    drain.close()
    await call.ended()
    assert ticker.ended == ["/"]


async def test_a_timeout_of_the_application_is_its_own() -> None:
    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        raise TimeoutError("too late")

    with pytest.raises(TimeoutError, match="too late"):
        await answer_of(Drain(late))


async def test_other_scopes_pass_through() -> None:
    seen = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, await receive()))

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    await Drain(application)({"type": "lifespan"}, receive, send)
    assert seen == [({"type": "lifespan"}, {"type": "lifespan.startup"})]


@pytest.mark.parametrize("client_class", [Http1, Http2])
async def test_the_generator_of_a_view_is_closed_and_its_client_sees_the_end(
    app: AsyncFlask, client_class: type[Http1]
) -> None:
    closed = asyncio.Event()

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            yield b"data: 1\n\n"
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # the cleanup may have to wait
            closed.set()

    app.add_url_rule(
        "/ticks",
        view_func=lambda: Response(app.iterate(events()), mimetype="text/event-stream"),
    )
    drain = Drain(bridged(app))
    async with served(drain) as address, client_class.connect(address) as client:
        if isinstance(client, Http2):
            stream = await client.open("GET /ticks")
            while not client.responses[stream].body:
                await client.receive()
            drain.close()
            assert (await client.answer(stream)).body == b"data: 1\n\n"
            assert stream not in client.reset
        else:
            await client.request("GET /ticks")
            assert (await client.head()).status == 200
            assert await client.chunk() == b"data: 1\n\n"
            drain.close()
            assert await client.chunk() == b""  # the one that says that it is whole
        await closed.wait()
