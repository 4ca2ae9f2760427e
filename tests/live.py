"""A real Hypercorn on a real socket, for what only the wire shows."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator

from hypercorn.asyncio import serve
from hypercorn.config import Config

from serving.asgi import Application
from serving.runner import Options, hypercorn_config

HUNG = 60
"""Seconds after which a test counts as hung. Nothing is measured by it."""


@contextlib.contextmanager
def serving(application: Application) -> Iterator[str]:
    """Serve `application` in a thread and give its address, such as http://127.0.0.1:41234.

    Raises what the server raised, at its start or at its end.
    """
    address, config = listening()
    config.graceful_timeout = 3
    started = threading.Event()
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    failures: list[BaseException] = []

    async def stopped() -> None:
        stop = asyncio.Event()
        stops.append((asyncio.get_running_loop(), stop))
        started.set()
        await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve(application, config, shutdown_trigger=stopped))  # type: ignore[arg-type]  # Hypercorn has narrower types of ASGI
        except BaseException as error:  # noqa: BLE001  # for the test that waits
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="hypercorn")
    thread.start()
    started.wait()
    try:
        if stops:
            yield address
    finally:
        for loop, stop in stops:
            loop.call_soon_threadsafe(stop.set)
        thread.join()
    if failures:
        raise failures[0]


@contextlib.asynccontextmanager
async def served(application: Application, *, grace: float = HUNG) -> AsyncIterator[str]:
    """Serve `application` on the running loop, so that a test can look into it.

    `grace`: seconds that open requests have at the end. Raises TimeoutError when the test hangs.
    """
    address, config = listening()
    config.graceful_timeout = grace
    stop = asyncio.Event()
    server = asyncio.create_task(serve(application, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]  # as above
    try:
        async with asyncio.timeout(HUNG):
            yield address
    finally:
        stop.set()
        if not (await asyncio.wait([server], timeout=HUNG))[0]:
            raise TimeoutError("the server doesn't end")
        await server


def listening() -> tuple[str, Config]:
    """An address that accepts connections already, and the configuration to serve it."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    port = listener.getsockname()[1]
    config = hypercorn_config(Options())
    config.bind = [f"fd://{listener.detach()}"]
    return f"http://127.0.0.1:{port}", config
