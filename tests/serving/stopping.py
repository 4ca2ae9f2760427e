"""A server in the test's own event loop, as the runner starts and stops it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from serving.asgi import Application
from serving.drain import Drain
from serving.listener import listen
from serving.runner import Options, hypercorn_config
from serving.server import Server
from tests.live import HUNG


@dataclass
class Stopping:
    address: str
    server: Server
    drain: Drain
    stopped: "asyncio.Task[None] | None" = None

    def stop(self, grace: float = HUNG) -> "asyncio.Task[None]":
        """Begin to stop; the task ends when the server has."""
        self.drain.close()
        self.stopped = asyncio.create_task(self.server.stop(grace))
        return self.stopped

    async def refuses(self) -> None:
        """Wait until nobody can connect any more."""
        port = int(self.address.rpartition(":")[2])
        with contextlib.suppress(ConnectionRefusedError):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.transport.abort()


@contextlib.asynccontextmanager
async def started(application: Application, **options: Any) -> AsyncIterator[Stopping]:
    """Serve `application` until the test stops it, or has ended."""
    config = hypercorn_config(Options(**options))
    drain = Drain(application)
    server = Server(drain, config)
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with asyncio.timeout(HUNG):
        await server.start(listener)
        stopping = Stopping(address, server, drain)
        try:
            yield stopping
        finally:
            await (stopping.stopped or stopping.stop(grace=0))
