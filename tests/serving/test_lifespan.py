"""What is opened at the server's start and closed at its end."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from serving import Bridge
from serving.asgi import Message
from tests.live import HUNG, serving


@contextlib.asynccontextmanager
async def resource(
    steps: list[str], *, opening: Exception | None = None, closing: Exception | None = None
) -> AsyncIterator[None]:
    steps.append("opening")
    if opening:
        raise opening
    yield
    steps.append("closing")
    if closing:
        raise closing


class Server:
    """The server's side of the protocol."""

    def __init__(self, bridge: Bridge) -> None:
        self.requests: asyncio.Queue[Message] = asyncio.Queue()
        self.answers: asyncio.Queue[Message] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
        self.task = asyncio.ensure_future(bridge(scope, self.requests.get, self.answers.put))

    async def says(self, stage: str) -> Message:
        self.requests.put_nowait({"type": f"lifespan.{stage}"})
        async with asyncio.timeout(HUNG):
            return await self.answers.get()


def bridge_with(lifespan: Any = None) -> Bridge:
    return Bridge(lambda environ, start_response: [], lifespan=lifespan)


async def test_opens_at_the_start_and_closes_at_the_end() -> None:
    steps: list[str] = []
    server = Server(bridge_with(resource(steps)))
    assert await server.says("startup") == {"type": "lifespan.startup.complete"}
    assert steps == ["opening"]
    assert await server.says("shutdown") == {"type": "lifespan.shutdown.complete"}
    assert steps == ["opening", "closing"]
    await server.task


async def test_has_a_lifespan_also_with_nothing_to_open() -> None:
    server = Server(bridge_with())
    assert await server.says("startup") == {"type": "lifespan.startup.complete"}
    assert await server.says("shutdown") == {"type": "lifespan.shutdown.complete"}
    await server.task


@pytest.mark.parametrize(
    ("error", "message"),
    [(ValueError("no such file"), "no such file"), (ValueError(), "ValueError()")],
)
async def test_a_failing_start_tells_the_server_why(
    error: Exception, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "serving")
    server = Server(bridge_with(resource([], opening=error)))
    failed = {"type": "lifespan.startup.failed", "message": message}
    assert await server.says("startup") == failed
    await server.task
    # Whoever looks for more finds it.
    assert [(r.levelname, r.exc_info and r.exc_info[1]) for r in caplog.records] == [
        ("DEBUG", error)
    ]


async def test_a_failing_end_tells_the_server_why() -> None:
    steps: list[str] = []
    server = Server(bridge_with(resource(steps, closing=ValueError("no such file"))))
    assert await server.says("startup") == {"type": "lifespan.startup.complete"}
    failed = {"type": "lifespan.shutdown.failed", "message": "no such file"}
    assert await server.says("shutdown") == failed
    assert steps == ["opening", "closing"]
    await server.task


async def test_closes_when_the_server_is_cancelled() -> None:
    steps: list[str] = []

    @contextlib.asynccontextmanager
    async def careful() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.sleep(0)
            steps.append("closing")

    server = Server(bridge_with(careful()))
    await server.says("startup")
    server.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server.task
    assert steps == ["closing"]


@pytest.mark.parametrize("stage", ["opening", "closing"])
def test_hypercorn_stops_with_the_message_alone(
    stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    context = resource([], **{stage: ValueError("no such file")})
    with pytest.raises(SystemExit, match=r"^no such file$"), serving(bridge_with(context)):
        assert stage == "closing"
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
