"""ASGI's lifespan protocol around one asynchronous context manager."""

from contextlib import AbstractAsyncContextManager

from serving.asgi import Receive, Send


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
    except Exception as error:  # noqa: BLE001  # the server is told, and stops
        await send({"type": f"lifespan.{stage}.failed", "message": str(error)})
    else:
        await send({"type": "lifespan.shutdown.complete"})
