"""The state of a TCP connection that the operating system reports."""

import asyncio
import contextlib
import socket
import struct

NOT_SENT, ACKNOWLEDGED = 144, 120
"""The offsets in tcp_info of the bytes not yet sent and of the bytes acknowledged (linux/tcp.h)."""
UP_TO_BOTH = 148

UNSENT = 128 * 1024
"""The maximum number of unsent bytes that the system buffers for a connection."""


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

    The system continues to send buffered data after a connection has been closed here. Unix
    sockets, and systems without these options, have their own limits.
    """
    with contextlib.suppress(OSError, AttributeError):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        milliseconds = int(send_timeout * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
