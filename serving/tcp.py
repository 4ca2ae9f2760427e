"""What the system knows of a connection."""

import asyncio
import contextlib
import socket
import struct

NOT_SENT, ACKNOWLEDGED = 144, 120
"""Where tcp_info says how many bytes wait to be sent, and how many were acknowledged
(linux/tcp.h)."""
UP_TO_BOTH = 148

UNSENT = 128 * 1024
"""How many bytes that are not on their way yet the system keeps for a connection."""


def taken_by(connection: socket.socket, transport: asyncio.WriteTransport) -> tuple[int, bool]:
    """A number that changes when the client takes something, and whether more waits for it.

    Where the system doesn't say what the client has acknowledged (Linux does, for TCP), what has
    left for the system counts.
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
    """Bound what the system keeps for a client of `listener` that doesn't read, and for how long.

    The system goes on with what it was given after a connection has been closed here. Systems that
    have no such bounds, and Unix sockets, have their own.
    """
    with contextlib.suppress(OSError, AttributeError):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        milliseconds = int(send_timeout * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
