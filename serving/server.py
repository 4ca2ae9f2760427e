"""The connections of one listening socket, with our own limits and shutdown.

hypercorn.asyncio.serve() keeps data that clients don't read forever. When it must stop, it closes
its socket and every idle connection immediately, sends no GOAWAY to HTTP/2 clients, and from Python
3.12 on waits for the remaining connections without a limit.
"""

import asyncio
import errno
import logging
import os
import socket

from serving.asgi import Application
from serving.config import Options, ServerConfig
from serving.connection import Connection
from serving.connections import Connections
from serving.output import bound_unsent

BATCH, BATCH_WHEN_FULL = 32, 4
"""The connections that are accepted before the open ones are served again; fewer where each closes
another one, which costs about as much as a request."""

PAUSE = 1.0
"""The seconds until accepting is tried again, unless a connection ends before."""

OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

LINGER = 5.0
"""The seconds for which an idle connection is kept during shutdown: its client may be about to send
a request, whose response says that the connection ends."""

LAST = 1.0
"""The seconds that a cancelled request has to end."""

log = logging.getLogger(__name__)


class Server:
    """Serves `application` from `start` to `stop`.

    It accepts connections itself: asyncio's acceptor, when no descriptor is left, tries as many
    times as its backlog is long, and logs each failure.
    """

    def __init__(self, application: Application, config: ServerConfig, options: Options) -> None:
        self._application = application
        self._config = config
        self._context = Connections(options)
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._resumes: asyncio.TimerHandle | None = None

    async def start(self, listener: socket.socket) -> None:
        bound_unsent(listener, self._context.send_timeout)
        self._tls = self._config.create_ssl_context()
        listener.listen(self._config.backlog)
        listener.setblocking(False)
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(listener.fileno(), self._accept)
        self._watch = asyncio.create_task(self._context.watch())

    async def stop(self, grace: float) -> None:
        """Stop accepting, let every connection end, and cut off the rest after `grace` seconds."""
        begin = self._loop.time()
        cut_off = begin + grace
        self._stop_accepting()
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
            await self._ended(self._loop.time() + LAST)
        finally:
            self._watch.cancel()

    def _stop_accepting(self) -> None:
        """Accept the connections that already wait, then close the socket, at once: the kernel
        resets those that are still waiting then."""
        self._loop.remove_reader(self._listener.fileno())
        for _ in range(self._config.backlog // BATCH_WHEN_FULL):
            if not self._accept():
                break
        self._listener.close()
        if self._resumes is not None:
            self._resumes.cancel()
            self._resumes = None

    def _resume(self) -> None:
        """Continue accepting after a pause, because a connection has ended."""
        if self._resumes is not None:
            self._resumes.cancel()
            self._resumes = None
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> bool:
        """Accept up to BATCH connections, and return whether there may be more."""
        for number in range(BATCH):
            spare = None
            if self._context.full:
                if number >= BATCH_WHEN_FULL:
                    return True
                spare = self._context.longest_waiting()
                if spare is None:
                    self._pause("all open connections have a request in progress")
                    return False
            try:
                accepted, address = self._listener.accept()
            except OSError as error:
                # Other errors than a lack of resources concern only this connection: accept(2).
                if error.errno in OUT_OF_RESOURCES:
                    self._pause(os.strerror(error.errno))
                return False
            accepted.setblocking(False)
            connection = Connection(
                self._application, self._config, self._context, accepted, address, self._tls
            )
            self._context.add(connection)
            self._connections[connection.task] = connection
            connection.task.add_done_callback(self._ended_connection)
            if spare is not None:
                self._context.log.warning(
                    "the limit of %d connections is reached: closing those that wait for clients",
                    self._context.limit,
                )
                self._context.dismiss(spare)
        return True

    def _pause(self, reason: str) -> None:
        self._context.log.warning("no connection can be accepted: %s", reason)
        if (spare := self._context.longest_waiting()) is not None:
            self._context.dismiss(spare)
        self._loop.remove_reader(self._listener.fileno())
        self._resumes = self._loop.call_later(PAUSE, self._resume)

    def _ended_connection(self, task: "asyncio.Task[None]") -> None:
        connection = self._connections.pop(task)
        self._context.remove(connection)
        self._resume()
        if not task.cancelled() and (error := task.exception()):
            log.error("a connection failed", exc_info=error)

    async def _ended(self, until: float) -> bool:
        """Wait for every connection to end, until `until`; return whether all have ended."""
        for connection in self._connections.values():
            connection.follow()
        if not self._connections:
            return True
        timeout = max(until - self._loop.time(), 0)
        return not (await asyncio.wait(self._connections, timeout=timeout))[1]
