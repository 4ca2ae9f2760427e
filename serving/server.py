"""The connections of one listening socket, with our own limits and shutdown.

hypercorn.asyncio.serve() keeps data that clients don't read forever. When it must stop, it closes
its socket and every idle connection immediately, sends no GOAWAY to HTTP/2 clients, and from Python
3.12 on waits for the remaining connections without a limit.
"""

import asyncio
import logging
import socket

from serving.acceptor import Acceptor
from serving.asgi import Application
from serving.config import ServerConfig
from serving.connection import Connection
from serving.connections import Connections, Limits
from serving.tcp import bound_unsent

LINGER = 5.0
"""The seconds for which an idle connection is kept during shutdown. Its client may be about to send
a request, which would be lost; its response says that the connection ends."""

LAST = 1.0
"""The seconds that a cancelled request has to end."""

log = logging.getLogger(__name__)


class Server:
    """Serves `application` from `start` to `stop`."""

    def __init__(
        self,
        application: Application,
        config: ServerConfig,
        limits: Limits,
    ) -> None:
        self._application = application
        self._config = config
        self._context = Connections(limits)
        self._connections: dict[asyncio.Task[None], Connection] = {}

    async def start(self, listener: socket.socket) -> None:
        bound_unsent(listener, self._context.limits.send_timeout)
        self._tls = self._config.create_ssl_context()
        listener.listen(self._config.backlog)
        self._acceptor = Acceptor(listener, self._context, self._accepted)
        self._acceptor.start()
        self._watch = asyncio.create_task(self._context.watch())

    async def stop(self, grace: float) -> None:
        """Stop accepting, let every connection end, and cut off the rest after `grace` seconds."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        cut_off = begin + grace
        self._acceptor.stop()
        self._context.retiring = True
        try:
            if await self._ended(begin + min(LINGER, grace / 2)):
                return
            self._context.leaving = True
            if await self._ended(cut_off):
                return
            log.warning("cut off after %s seconds: %d connections", grace, len(self._connections))
            for task, connection in self._connections.items():
                connection.abort()
                task.cancel()
            await self._ended(loop.time() + LAST)
        finally:
            self._watch.cancel()

    def _accepted(self, accepted: socket.socket, client: str) -> None:
        connection = Connection(
            self._application,
            self._config,
            self._context,
            accepted,
            client,
            self._tls,
        )
        self._context.add(connection)
        self._connections[connection.task] = connection
        connection.task.add_done_callback(self._ended_connection)

    def _ended_connection(self, task: "asyncio.Task[None]") -> None:
        connection = self._connections.pop(task)
        self._context.remove(connection)
        self._acceptor.resume()
        if not task.cancelled() and (error := task.exception()):
            log.error("a connection failed", exc_info=error)

    async def _ended(self, until: float) -> bool:
        """Wait for every connection to end, at most until `until`; return whether all have
        ended."""
        for connection in self._connections.values():
            connection.follow()
        if not self._connections:
            return True
        timeout = max(until - asyncio.get_running_loop().time(), 0)
        return not (await asyncio.wait(self._connections, timeout=timeout))[1]
