"""Requests wait side by side, and none sees another's context."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

import httpx
import pytest
from flask import g, request

from api.runtime.async_flask import AsyncFlask
from serving import Bridge
from serving.asgi import Application, Receive, Scope, Send
from serving.listener import address_of, listen
from tests.conftest import bridged
from tests.live import HUNG, on_hypercorn, served
from tests.serving.call import Call
from tests.serving.wire import Http1

N = 100
COLOUR = ContextVar("COLOUR", default="none")


@pytest.fixture
def barrier() -> asyncio.Barrier:
    """Opens only when N requests are inside the view at once."""
    return asyncio.Barrier(N)


@pytest.fixture
def app(app: AsyncFlask, barrier: asyncio.Barrier) -> AsyncFlask:
    async def wait_for_the_others(colour: str) -> list[str]:
        COLOUR.set(colour)
        g.colour = colour
        before = request.path
        await barrier.wait()
        return [before, request.path, request.args["colour"], g.colour, COLOUR.get()]

    app.add_url_rule("/wait/<colour>", view_func=wait_for_the_others)
    return app


@pytest.mark.usefixtures("quiet")
async def test_a_hundred_requests_are_in_one_view_at_once(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(HUNG):
        urls = [f"/wait/{n}?colour={n}" for n in range(N)]
        responses = await asyncio.gather(*map(client.get, urls))
    for n, response in enumerate(responses):
        path, colour = f"/wait/{n}", str(n)
        assert response.json() == [path, path, colour, colour, colour]
    assert COLOUR.get() == "none"


@pytest.mark.no_database
@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("http2", [False, True])
async def test_a_hundred_requests_are_in_one_view_at_once_on_hypercorn(
    app: AsyncFlask, http2: bool
) -> None:
    """Over HTTP/2 on ten connections: each begins with at most 16 (serving/admission.py)."""
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(served(bridged(app)))
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=address, http1=not http2, http2=http2, timeout=HUNG)
            )
            for _ in range(10)
        ]
        urls = [f"/wait/{n}?colour={n}" for n in range(N)]
        responses = await asyncio.gather(
            *(clients[n % len(clients)].get(url) for n, url in enumerate(urls))
        )
    for n, response in enumerate(responses):
        path, colour = f"/wait/{n}", str(n)
        assert response.json() == [path, path, colour, colour, colour]


class Never:
    """A view that waits until it is cancelled."""

    def __init__(self, app: AsyncFlask) -> None:
        self.started = asyncio.Event()
        self.steps: list[str] = []
        app.add_url_rule("/never", view_func=self.view)
        app.teardown_request(lambda error: self.steps.append(type(error).__name__))

    async def view(self) -> str:
        try:
            self.started.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # the cleanup may have to wait
            self.steps.append(request.path)
        raise AssertionError


@pytest.mark.no_database
@pytest.mark.usefixtures("quiet")
async def test_cancelling_the_request_cancels_the_view(app: AsyncFlask) -> None:
    never = Never(app)
    call = Call(bridged(app), path="/never")
    call.client_sends()
    await never.started.wait()
    call.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call.ended()
    assert never.steps == ["/never", "CancelledError"]
    assert call.sent == []


@pytest.mark.no_database
async def test_the_servers_end_cancels_the_view_after_the_grace_period(app: AsyncFlask) -> None:
    never = Never(app)
    async with served(bridged(app), grace=0) as address, httpx.AsyncClient() as client:
        answer = asyncio.create_task(client.get(f"{address}/never", timeout=HUNG))
        await never.started.wait()
    assert never.steps == ["/never", "CancelledError"]
    # Hypercorn cuts the connection, with or without a 500 of its own.
    await asyncio.gather(answer, return_exceptions=True)


@asynccontextmanager
async def served_by_hypercorn(application: Application) -> AsyncIterator[str]:
    """The address of `application`, as `hypercorn asgi:app` serves it."""
    listener, stop = listen("127.0.0.1", 0), asyncio.Event()
    address = address_of(listener, tls=False)
    server = asyncio.create_task(on_hypercorn(application, listener, stop.wait, grace=0))
    async with asyncio.timeout(HUNG):
        yield address
        stop.set()
        await server


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("served_by", "is_full"),
    [
        (partial(served, grace=0), lambda receives: receives.full),
        # It waits for room in its queue, even for a cancelled request, unless the bridge makes it.
        (served_by_hypercorn, lambda receives: receives.full()),
    ],
    ids=["our server", "hypercorn"],
)
async def test_an_unread_body_does_not_keep_the_server_from_ending(
    app: AsyncFlask,
    served_by: Callable[[Application], AbstractAsyncContextManager[str]],
    is_full: Callable[[Any], bool],
) -> None:
    never, bridge = Never(app), Bridge(app)
    receivers: list[Any] = []

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        receivers.append(getattr(receive, "__self__"))  # noqa: B009  # unknown to its type
        await bridge(scope, receive, send)

    async with served_by(observed) as address, Http1.connect(address) as client:
        await client.request("GET /never", "Content-Length: 100000000")
        sending = asyncio.create_task(client.send(b" " * 100_000_000))
        await never.started.wait()
        while not is_full(receivers[-1]):  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0)
    assert never.steps == ["/never", "CancelledError"]
    await asyncio.gather(sending, return_exceptions=True)
