"""A real server on a real socket, for what only the wire shows."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from hypercorn.asyncio import serve

from serving import Bridge
from serving.asgi import Application
from serving.config import Options, hypercorn_config
from serving.drain import Drain
from serving.lifespan import opened
from serving.listener import address_of, listen
from serving.server import Server

HUNG = 60
"""Seconds after which a test counts as hung. Nothing is measured by it."""


GRACE = 3.0
"""Seconds that open requests have when a server stops."""

Serve = Callable[[Any, socket.socket, Callable[[], Awaitable[None]]], Coroutine[Any, Any, None]]
"""Serves an application on a listener, until the last argument returns."""


async def on_hypercorn(
    application: Application,
    listener: socket.socket,
    stopped: Callable[[], Awaitable[Any]],
    *,
    grace: float = GRACE,
) -> None:
    """As `hypercorn asgi:app` does."""
    config = hypercorn_config(Options())
    config.graceful_timeout = grace
    config.bind = [f"fd://{listener.detach()}"]
    await serve(application, config, shutdown_trigger=stopped)  # type: ignore[arg-type]  # Hypercorn has narrower types of ASGI


async def on_our_server(
    bridge: Bridge, listener: socket.socket, stopped: Callable[[], Awaitable[None]]
) -> None:
    """As `make serve` does."""
    options = Options()
    server = Server(Drain(bridge), hypercorn_config(options), options)
    async with opened(bridge.lifespan):
        await server.start(listener)
        await stopped()
        await server.stop(GRACE)


@contextlib.contextmanager
def serving(application: Application, by: Serve = on_hypercorn) -> Iterator[str]:
    """Serve `application` in a thread; its address, such as http://127.0.0.1:41234.

    Raises what the server raised, at its start or at its end.
    """
    listener = listen("127.0.0.1", 0)
    address = address_of(listener, tls=False)
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
            asyncio.run(by(application, listener, stopped))
        except BaseException as error:  # noqa: BLE001  # for the test that waits
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, name="server")
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


@dataclass
class Running:
    """A server in the test's own event loop, as the runner starts and stops it."""

    address: str
    server: Server
    drain: Drain
    stopped: "asyncio.Task[None] | None" = None

    def stop(self, grace: float = HUNG) -> "asyncio.Task[None]":
        """Begin to stop; the task ends when the server has."""
        self.drain.closing = True
        self.stopped = self.stopped or asyncio.create_task(self.server.stop(grace))
        return self.stopped

    async def refuses(self) -> None:
        """Wait until connections are refused."""
        port = int(self.address.rpartition(":")[2])
        with contextlib.suppress(ConnectionRefusedError):
            while True:
                with contextlib.suppress(ConnectionResetError):  # established as it closes
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.transport.abort()


@contextlib.asynccontextmanager
async def started(
    application: Application, *, grace: float = HUNG, **given: Any
) -> AsyncIterator[Running]:
    """Serve `application` until the test stops it, or has ended.

    `grace`: seconds that open requests then have. Raises TimeoutError when the test hangs.
    """
    drain = Drain(application)
    # Over TLS alone, what a test sends frame by frame would be hard to see.
    options = Options(**{"http2_cleartext": True, **given})
    server = Server(drain, hypercorn_config(options), options)
    listener = listen("127.0.0.1", 0)
    running = Running(address_of(listener, tls=False), server, drain)
    await server.start(listener)
    try:
        async with asyncio.timeout(HUNG):
            yield running
    finally:
        async with asyncio.timeout(HUNG):
            await running.stop(grace)


@contextlib.asynccontextmanager
async def served(
    application: Application, *, grace: float = HUNG, **given: Any
) -> AsyncIterator[str]:
    """The address of `application`, as `started` serves it."""
    async with started(application, grace=grace, **given) as running:
        yield running.address
