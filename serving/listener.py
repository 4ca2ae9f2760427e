"""The socket that the server listens on: its own, or one that a supervisor keeps for it."""

import asyncio
import contextlib
import ctypes
import os
import socket
import struct

HANDSHAKE = 0.05
"""For how many seconds a handshake that has begun may take to its end."""

SO_ATTACH_FILTER = 26
"""socket(7); Python has no name for it."""
ANY_BUT_SYN = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # load the flags of the TCP header
        (0x45, 0, 1, 0x02),  # unless SYN is among them, skip the next one
        (0x06, 0, 0, 0),  # drop the packet
        (0x06, 0, 0, 0xFFFFFFFF),  # take it
    )
)
"""A program for the kernel's packet filter (bpf(4) of the BSDs)."""


def listen(host: str, port: int) -> socket.socket:
    """A new socket on `host` and `port` (0: any free one).

    Raises SystemExit with one line for the operator.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SystemExit(f"cannot listen on {host} port {port}: {reason}") from None
    # What it accepts takes this over; asyncio would see to it only if the socket named TCP.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def inherited(descriptor: int) -> socket.socket:
    """The socket behind `descriptor`, which other processes may listen on as well.

    Raises SystemExit with one line for the operator.
    """
    try:
        listener = socket.socket(fileno=descriptor)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SystemExit(f"descriptor {descriptor} is no socket: {error.strerror}") from None
    if not listens:
        raise SystemExit(f"descriptor {descriptor} is no socket that listens")
    return listener


async def turn_away(listener: socket.socket) -> None:
    """Let no more handshake begin on `listener`, and wait until those that have are over.

    Whoever is connected when a socket is closed, and not yet accepted, is cut off, with what they
    have sent: a proxy can't tell whether their request was carried out. So those who knock from now
    on hear nothing, and are refused when they knock again in a second, since the socket is closed
    by then. Not for a socket that others listen on. Where the kernel has no such filter, nothing
    happens.
    """
    program = ctypes.create_string_buffer(ANY_BUT_SYN, len(ANY_BUT_SYN))
    pointer = struct.pack("HP", len(ANY_BUT_SYN) // 8, ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
        await asyncio.sleep(HANDSHAKE)


def address_of(listener: socket.socket, *, tls: bool) -> str:
    """Where `listener` listens, for people to read."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{'https' if tls else 'http'}://{host}:{name[1]}"
