"""Turns of the event loop, shared out fairly among clients.

asyncio runs everything that is ready before it looks at its sockets again. So a hundred requests
that arrive together would make every other client wait for all of them.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

MANY, FEW = 16, 2
"""How much may begin in one turn of the loop: FEW while more than MANY wait of one address and
another address is active. Fewer in each turn means more turns, which cost a fifth of the CPU time
at 16 requests at once, because the threads take Python's lock in each turn."""

ACTIVE = 1.0
"""The seconds for which an address counts as active."""

Begin = Callable[[], object]


class Turns:
    """Limits what begins in each turn of the loop: to set up a connection, to handle a request, or
    to parse a piece of HTTP/2. Where more wait, the addresses of the clients take turns.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = MANY
        self._renewing = False
        self._waiting: OrderedDict[str, deque[Begin]] = OrderedDict()
        self._client = ""
        self._alternated = -ACTIVE
        """When the client's address was last another one than before."""

    def take(self, client: str, begin: Begin) -> bool:
        """Return True if the caller may begin now; if not, `begin` is called once it may."""
        if client != self._client:
            self._client, self._alternated = client, self._loop.time()
        if self._left and not self._waiting:
            self._begin()
            return True
        self._waiting.setdefault(client, deque()).append(begin)
        return False

    async def turn(self, client: str) -> None:
        """Wait until the caller may begin."""
        future = self._loop.create_future()

        def begin() -> None:
            if not future.done():  # it may have been cancelled meanwhile
                future.set_result(None)

        if not self.take(client, begin):
            await future

    def _begin(self) -> None:
        self._left -= 1
        if not self._renewing:
            self._renewing = True
            self._loop.call_soon(self._renew)

    def _renew(self) -> None:
        self._renewing = False
        crowded = any(len(waiting) > MANY for waiting in self._waiting.values())
        shared = self._loop.time() - self._alternated < ACTIVE
        self._left = FEW if crowded and shared else MANY
        while self._left and self._waiting:
            begin = self._pop()
            self._begin()
            begin()

    def _pop(self) -> Begin:
        """The first that waits of the address whose turn it is."""
        client, waiting = self._waiting.popitem(last=False)
        begin = waiting.popleft()
        if waiting:
            self._waiting[client] = waiting
        return begin
