"""Turns of the event loop, shared out fairly among clients.

asyncio runs everything that is ready before it looks at its sockets again. So a hundred requests
that arrive together would make every other client wait for all of them.
"""

import asyncio
import sys
from collections import OrderedDict, deque
from ipaddress import IPv6Address
from typing import Any

PER_TURN = 16
"""How much may begin in one turn of the loop."""

PER_TURN_WHEN_CROWDED = 2
"""The same, while a client has more than CROWD_SIZE waiting and another one is active. Otherwise
more turns cost a fifth of the CPU time, because other threads take Python's lock in each."""

CROWD_SIZE = 16

SWITCH_INTERVAL, SWITCH_INTERVAL_WHEN_CROWDED = sys.getswitchinterval(), 0.0005
"""The seconds for which the loop keeps Python's lock while another thread waits for it. In a crowd
each wait of a read on SQLite counts; otherwise short intervals cost an eighth more CPU time."""

ACTIVE = 1.0
"""The seconds for which a client counts as active."""


def client_of(address: Any) -> str:
    """Return the client that a socket's address stands for: an IPv6 network of 64 bits, of which a
    client has all addresses, or an IPv4 address. All clients of a proxy are one."""
    host = str(address[0]) if address else ""
    if ":" not in host:
        return host
    ip = IPv6Address(host.partition("%")[0])
    return str(ip.ipv4_mapped or IPv6Address(int(ip) >> 64 << 64))


class Turns:
    """Limits what begins in each turn of the loop: to set up a connection, to handle a request, or
    to parse a piece of HTTP/2. Where more wait, the clients take turns.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = PER_TURN
        self._renewing = False
        self._crowded = False
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._client = ""
        self._alternated = -ACTIVE
        """When something of another client than the one before last began."""

    async def turn(self, client: str) -> None:
        """Wait until the caller may begin."""
        if self._left and not self._waiting:
            self._begin(client)
            return
        future = self._loop.create_future()
        self._waiting.setdefault(client, deque()).append(future)
        await future

    def _begin(self, client: str) -> None:
        self._left -= 1
        if client != self._client:
            self._client, self._alternated = client, self._loop.time()
        if not self._renewing:
            self._renewing = True
            self._loop.call_soon(self._renew)

    def _renew(self) -> None:
        self._renewing = False
        if not self._waiting and not self._crowded:
            self._left = PER_TURN
            return
        is_crowded = any(len(waiting) > CROWD_SIZE for waiting in self._waiting.values())
        crowded = is_crowded and self._loop.time() - self._alternated < ACTIVE
        self._left = PER_TURN_WHEN_CROWDED if crowded else PER_TURN
        if crowded is not self._crowded:
            self._crowded = crowded
            sys.setswitchinterval(SWITCH_INTERVAL_WHEN_CROWDED if crowded else SWITCH_INTERVAL)
        while self._left and self._waiting:
            client, waiting = self._waiting.popitem(last=False)
            future = waiting.popleft()
            if waiting:
                self._waiting[client] = waiting
            if not future.done():  # its connection may have ended meanwhile
                self._begin(client)
                future.set_result(None)
