"""systemd's protocol for services that say how they are, sd_notify(3)."""

import logging
import socket

log = logging.getLogger(__name__)

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"


def notify(address: str, state: str) -> None:
    """Send `state` to the socket at `address`, an @ standing for an abstract one; to nobody if
    that is empty."""
    if not address:
        return
    path = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(state.encode(), path)
    except OSError as error:
        log.warning("cannot tell %s that %s: %s", address, state, error.strerror)
