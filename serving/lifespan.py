"""One asynchronous context manager around the server's life, by ASGI's protocol or without it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import cast

from serving.asgi import Receive, Send

log = logging.getLogger(__name__)


async def run_lifespan(
    context: AbstractAsyncContextManager[object], receive: Receive, send: Send
) -> None:
    """Enter `context` at startup and leave it at shutdown.

    What it raises on entering becomes the message of `lifespan.startup.failed`, which stops the
    server; what it raises on leaving becomes that of `lifespan.shutdown.failed`.
    """
    stage = "startup"
    try:
        await receive()
        async with context:
            await send({"type": "lifespan.startup.complete"})
            await receive()
            stage = "shutdown"
    except Exception as error:
        log.debug("the %s failed", stage, exc_info=True)
        message = str(error) or repr(error)
    else:
        await send({"type": "lifespan.shutdown.complete"})
        return
    try:
        await send({"type": f"lifespan.{stage}.failed", "message": message})
    except Exception:  # noqa: BLE001  # Hypercorn's way to stop, a traceback of 30 lines
        # One line instead. The task's exception counts as seen, or asyncio logs it as well.
        task = cast("asyncio.Task[None]", asyncio.current_task())
        task.add_done_callback(asyncio.Task.exception)
        raise SystemExit(message) from None


@asynccontextmanager
async def opened(context: AbstractAsyncContextManager[object]) -> AsyncIterator[None]:
    """Enter `context`, and leave it at the end.

    Raises SystemExit with its message for what it raises itself, on entering or on leaving.
    """
    async with AsyncExitStack() as stack:
        with exiting("startup"):
            await stack.enter_async_context(context)
        yield
        with exiting("shutdown"):
            await stack.aclose()


@contextmanager
def exiting(stage: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        log.debug("the %s failed", stage, exc_info=True)
        raise SystemExit(str(error) or repr(error)) from None
