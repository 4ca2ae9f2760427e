"""ASGI's lifespan protocol around one asynchronous context manager."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
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
