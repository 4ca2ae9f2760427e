"""Accept connections, up to the limit."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from serving.connections import Connections
from serving.turns import client_of

BATCH, BATCH_WHEN_FULL = 32, 4
"""The number of connections that are accepted before the open ones are served again; fewer where
each closes another one, which costs about as much as a request."""

MAX_WAITING = 1024
"""The number of connections that are accepted at the end, which is the backlog."""

PAUSE = 1.0
"""The seconds until accepting is tried again, unless a connection ends before."""

OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor:
    """Accepts connections from `listener` and calls `accepted` with each socket and the
    client's address.

    asyncio's own acceptor, when no descriptor is left, tries as many times as its backlog is long,
    and logs each failure.
    """

    def __init__(
        self,
        listener: socket.socket,
        connections: Connections,
        accepted: Callable[[socket.socket, str], None],
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
        """Accept the connections that already wait, then close the socket.

        The kernel resets the connections that are still waiting then. So nothing is done between
        the attempt that finds none and the close.
        """
        self._loop.remove_reader(self._listener.fileno())
        for _ in range(MAX_WAITING // BATCH_WHEN_FULL):
            if not self._accept():
                break
        self._listener.close()
        if self._resumes is not None:
            self._resumes.cancel()
            self._resumes = None

    def resume(self) -> None:
        """Continue accepting after a pause, because a connection has ended."""
        if self._resumes is not None:
            self._resumes.cancel()
            self._resumes = None
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> bool:
        """Accept up to BATCH connections, and return whether there may be more."""
        for number in range(BATCH):
            spare = None
            if self._connections.full:
                if number >= BATCH_WHEN_FULL:
                    return True
                spare = self._connections.longest_waiting()
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
            self._accepted(accepted, client_of(address))
            if spare is not None:
                self._connections.log.warning(
                    "the limit of %d connections is reached: closing those that wait for clients",
                    self._connections.limits.connections,
                )
                self._connections.dismiss(spare)
        return True

    def _pause(self, reason: str) -> None:
        self._connections.log.warning("no connection can be accepted: %s", reason)
        if (spare := self._connections.longest_waiting()) is not None:
            self._connections.dismiss(spare)
        self._loop.remove_reader(self._listener.fileno())
        self._resumes = self._loop.call_later(PAUSE, self.resume)
