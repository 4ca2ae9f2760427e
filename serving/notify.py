"""systemd's protocol with which services report their state, sd_notify(3)."""

import logging
import socket
from enum import StrEnum

log = logging.getLogger(__name__)


class State(StrEnum):
    READY = "READY=1"
    STOPPING = "STOPPING=1"
    ALIVE = "WATCHDOG=1"


def notify(address: str, state: State) -> None:
    """Send `state` to the socket at `address`, unless it is empty; `@` means an abstract socket."""
    if not address:
        return
    path = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(state.encode(), path)
    except OSError as error:
        log.warning("cannot send %s to %s: %s", state, address, error.strerror)
