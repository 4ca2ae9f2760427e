"""The listening socket: the server's own, or one that a supervisor holds."""

import asyncio
import contextlib
import ctypes
import os
import socket
import struct

HANDSHAKE = 0.05
"""The seconds that a TCP handshake in progress may take."""

SO_ATTACH_FILTER = 26
"""socket(7); Python doesn't define it."""
ANY_BUT_SYN = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, 13),  # load the flags of the TCP header
        (0x45, 0, 1, 0x02),  # unless SYN is among them, skip the next one
        (0x06, 0, 0, 0),  # drop the packet
        (0x06, 0, 0, 0xFFFFFFFF),  # accept the packet
    )
)
"""A program for the kernel's packet filter (bpf(4) of the BSDs)."""


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket on `host` and `port` (0: any free port).

    Raises SystemExit with one line for the operator.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SystemExit(f"cannot listen on {host} port {port}: {reason}") from None
    # Accepted sockets inherit this; asyncio sets it only if the socket's protocol is IPPROTO_TCP.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def inherited(descriptor: int) -> socket.socket:
    """Return the socket of `descriptor`, on which other processes may listen too.

    Raises SystemExit with one line for the operator.
    """
    try:
        listener = socket.socket(fileno=descriptor)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SystemExit(f"descriptor {descriptor} is not a socket: {error.strerror}") from None
    if not listens:
        raise SystemExit(f"descriptor {descriptor} is not a listening socket")
    return listener


async def reject_new_handshakes(listener: socket.socket) -> None:
    """Reject new TCP handshakes on `listener`, and wait until those in progress have ended.

    When a listening socket is closed, the kernel resets connections that are established but not
    yet accepted, together with the data that they have sent, and a proxy can't know whether a
    request was carried out. So from now on the kernel drops SYN packets. A client repeats its SYN
    after a second, and is then refused, because the socket is closed by then. This must not be used
    for a socket on which other processes listen. On systems without such a filter it does nothing.
    """
    program = ctypes.create_string_buffer(ANY_BUT_SYN, len(ANY_BUT_SYN))
    pointer = struct.pack("HP", len(ANY_BUT_SYN) // 8, ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
        await asyncio.sleep(HANDSHAKE)


def address_of(listener: socket.socket, *, tls: bool) -> str:
    """Return the address of `listener` as text for people."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{'https' if tls else 'http'}://{host}:{name[1]}"
