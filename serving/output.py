"""Writing to one connection, and how much of it its client has read."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

SLICE = 64 * 1024
"""The bytes passed to the transport at a time; it copies what the system doesn't accept."""

NOT_SENT, ACKNOWLEDGED = 144, 120
"""The offsets in tcp_info of the bytes not yet sent and of the bytes acknowledged (linux/tcp.h)."""
UP_TO_BOTH = 148

UNSENT = 128 * 1024
"""The maximum number of unsent bytes that the system buffers for a connection."""


class Output:
    """Writes to `writer`, and calls `hold` with each change in the number of waiting bytes."""

    def __init__(self, writer: asyncio.StreamWriter, hold: Callable[[int], None]) -> None:
        self._writer = writer
        self._hold = hold
        self._lock = asyncio.Lock()

    async def write(self, data: bytes) -> None:
        """Write `data`. Raises OSError or RuntimeError if the connection is closed."""
        if len(data) <= SLICE and not self._lock.locked():
            self._writer.write(data)
            transport = self._writer.transport
            if transport.get_write_buffer_size() or transport.is_closing():
                await self._writer.drain()
            return
        async with self._lock:
            await self._write_slices(memoryview(data))

    async def close(self) -> None:
        """Send the rest of the data, and close."""
        with contextlib.suppress(OSError, RuntimeError):
            if self._writer.can_write_eof():
                self._writer.write_eof()
        self._writer.close()
        with contextlib.suppress(OSError, RuntimeError):
            await self._writer.wait_closed()

    async def _write_slices(self, rest: memoryview) -> None:
        self._hold(len(rest))
        try:
            while rest:
                self._writer.write(rest[:SLICE])
                await self._writer.drain()
                self._hold(-len(rest[:SLICE]))
                rest = rest[SLICE:]
        finally:
            self._hold(-len(rest))


def read_progress(connection: socket.socket, transport: asyncio.WriteTransport) -> tuple[int, bool]:
    """Return a number that changes when the client reads, and whether more data waits for it.

    Linux reports for TCP what the client has acknowledged. On other systems, data counts as read
    once it is passed to the system.
    """
    buffered = transport.get_write_buffer_size()
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, UP_TO_BOTH)
        (not_sent,) = struct.unpack_from("=I", info, NOT_SENT)
        (acknowledged,) = struct.unpack_from("=Q", info, ACKNOWLEDGED)
    except (OSError, AttributeError, struct.error):
        return -buffered, buffered > 0
    return acknowledged, buffered + not_sent > 0


def bound_unsent(listener: socket.socket, send_timeout: float) -> None:
    """Limit how much the system buffers for a client of `listener` that doesn't read, and how long.

    Unix sockets, and systems without these options, have their own limits.
    """
    with contextlib.suppress(OSError, AttributeError):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        milliseconds = int(send_timeout * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
