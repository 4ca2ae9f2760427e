"""Accepts connections, as many as there may be."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from serving.connections import Connections

BATCH = 8
"""How many connections are accepted before the open ones are served again."""

PAUSE = 1.0
"""Seconds until it is tried again, if no connection ends before."""

OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor:
    """Accepts from `listener`, and calls `accepted` with each socket.

    asyncio's own tries as often as its backlog is long when there is no descriptor left, and logs
    each time.
    """

    def __init__(
        self,
        listener: socket.socket,
        connections: Connections,
        accepted: Callable[[socket.socket], None],
    ) -> None:
        self._listener = listener
        self._connections = connections
        self._accepted = accepted
        self._loop = asyncio.get_running_loop()
        self._resumes: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def stop(self) -> None:
        """Accept those that wait already, and no more; close the socket."""
        self._accept()
        if self._resumes is not None:
            self._resumes.cancel()
            self._resumes = None
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()

    def resume(self) -> None:
        """Go on, if there was a pause: a connection has ended."""
        if self._resumes is not None:
            self._resumes.cancel()
            self._resumes = None
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        for _ in range(BATCH):
            spare = None
            if self._connections.full:
                spare = self._connections.longest_waiting()
                if spare is None:
                    self._pause("all have a request that is being answered")
                    return
            try:
                accepted, _ = self._listener.accept()
            except OSError as error:
                # Anything else than a lack of resources concerns one connection: accept(2).
                if error.errno in OUT_OF_RESOURCES:
                    self._pause(os.strerror(error.errno))
                return
            accepted.setblocking(False)
            self._accepted(accepted)
            if spare is not None:
                self._connections.log.warning(
                    "%d connections: those that wait for their clients make room",
                    self._connections.limits.connections,
                )
                self._connections.dismiss(spare)

    def _pause(self, reason: str) -> None:
        self._connections.log.warning("no connection can be accepted: %s", reason)
        if (spare := self._connections.longest_waiting()) is not None:
            self._connections.dismiss(spare)
        self._loop.remove_reader(self._listener.fileno())
        self._resumes = self._loop.call_later(PAUSE, self.resume)
