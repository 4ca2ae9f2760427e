"""Hypercorn's connections on one listening socket, opened and ended by ourselves.

hypercorn.asyncio.serve() closes its socket and every idle connection the moment it is told to
stop, leaves HTTP/2 clients unwarned, and waits from Python 3.12 on for whoever is left, without
a limit. This is the part of it that accepts, over the same classes, with an end of its own.
"""

import asyncio
import logging
import socket
from collections.abc import Iterable
from typing import Any, cast

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config

from serving.asgi import Application
from serving.connection import Connection, Context

LINGER = 5.0
"""For how many seconds a connection without a request is kept at the end. Its client may be about
to send one, which would be lost; the answer says that it is the last."""

LAST = 1.0
"""How many seconds a cancelled request has to give up."""

log = logging.getLogger(__name__)


class Server:
    """Serves `application` from `start` to `stop`."""

    def __init__(self, application: Application, config: Config) -> None:
        self._application = ASGIWrapper(application)  # type: ignore[arg-type]  # Hypercorn has narrower types of ASGI
        self._config = config
        self._context = Context(max_requests=None)
        self._connections: dict[asyncio.Task[Any], Connection] = {}

    async def start(self, listener: socket.socket) -> None:
        tls = self._config.create_ssl_context()
        self._server = await asyncio.start_server(
            self._connected,
            sock=listener,
            backlog=self._config.backlog,
            ssl=tls,
            ssl_handshake_timeout=self._config.ssl_handshake_timeout if tls else None,
        )

    async def stop(self, grace: float) -> None:
        """Accept no more, let every connection come to its end, and cut off after `grace` seconds
        what has not."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        cut_off = begin + grace
        closed = await self._stop_accepting()
        self._context.retiring = True
        if await self._ended(closed, begin + min(LINGER, grace / 2)):
            return
        self._context.leaving = True
        if await self._ended(closed, cut_off):
            return
        log.warning("cut off after %s seconds: %d connections", grace, len(self._connections))
        for task, connection in self._connections.items():
            connection.writer.transport.abort()
            task.cancel()
        await self._ended(closed, loop.time() + LAST)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        connection = Connection(
            self._application, loop, self._config, self._context, {}, reader, writer
        )
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._connections[task] = connection
        try:
            await connection
        except asyncio.CancelledError:
            pass  # by `stop`; on Python 3.11 asyncio would log it as an error
        finally:
            del self._connections[task]

    async def _stop_accepting(self) -> "asyncio.Task[None]":
        """Close the socket; the task ends when the last connection has been closed as well.

        A connection that was accepted takes two turns of the loop to become a transport, which
        asyncio drops if its server is closed meanwhile. And wait_closed() waits, on Python 3.11,
        only if it is called before close().
        """
        loop = asyncio.get_running_loop()
        for sock in self._server.sockets:
            loop.remove_reader(sock.fileno())
        closed = asyncio.create_task(self._server.wait_closed())
        for _ in range(3):
            await asyncio.sleep(0)
        self._server.close()
        return closed

    async def _ended(self, closed: "asyncio.Task[None]", until: float) -> bool:
        """Whether every connection comes to its end before the loop's clock says `until`."""
        for connection in self._connections.values():
            connection.follow()
        # What is still working on a request after its client has left comes to an end, too.
        return await ended([closed], until) and await ended(self._connections, until)


async def ended(tasks: Iterable["asyncio.Task[Any]"], until: float) -> bool:
    waiting = list(tasks)
    if not waiting:
        return True
    timeout = max(until - asyncio.get_running_loop().time(), 0)
    return not (await asyncio.wait(waiting, timeout=timeout))[1]
