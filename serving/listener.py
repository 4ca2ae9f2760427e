"""The listening socket: the server's own, or one that a supervisor holds.

Without it, SystemExit with one line for the operator is raised.
"""

import os
import socket


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket on `host` and `port` (0: any free port)."""
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
    """Return the socket of `descriptor`, on which other processes may listen too."""
    try:
        listener = socket.socket(fileno=descriptor)
        listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SystemExit(f"descriptor {descriptor} is not a socket: {error.strerror}") from None
    if not listens:
        raise SystemExit(f"descriptor {descriptor} is not a listening socket")
    return listener


def address_of(listener: socket.socket, *, tls: bool) -> str:
    """Return the address of `listener` as text for people."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"{'https' if tls else 'http'}://{host}:{name[1]}"
