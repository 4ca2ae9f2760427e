"""Run an asynchronous context manager for the server's lifetime, with or without ASGI."""

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

    An exception on entering becomes the message of `lifespan.startup.failed`, which stops the
    server; an exception on leaving becomes the message of `lifespan.shutdown.failed`.
    """
    stage = "startup"
    await receive()
    try:
        async with opened(context):
            await send({"type": "lifespan.startup.complete"})
            await receive()
            stage = "shutdown"
    except SystemExit as failure:
        message = str(failure)
    else:
        await send({"type": "lifespan.shutdown.complete"})
        return
    try:
        await send({"type": f"lifespan.{stage}.failed", "message": message})
    except Exception:  # noqa: BLE001  # Hypercorn stops by an exception
        # This prints one line instead of Hypercorn's traceback of 30 lines. The task's exception is
        # retrieved, because otherwise asyncio would log it too.
        task = cast("asyncio.Task[None]", asyncio.current_task())
        task.add_done_callback(asyncio.Task.exception)
        raise SystemExit(message) from None


@asynccontextmanager
async def opened(context: AbstractAsyncContextManager[object]) -> AsyncIterator[None]:
    """Enter `context`, and leave it at the end.

    If `context` raises an exception on entering or leaving, raises SystemExit with its message.
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
