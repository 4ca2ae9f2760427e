"""Turns of the event loop, shared out fairly among clients.

asyncio runs everything that is ready before it looks at its sockets again. So a hundred requests
that arrive together would make every other client wait for all of them.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

AT_ONCE = 4
"""How much may begin in one turn of the loop: to set up a connection, to handle a request, or to
parse a piece of HTTP/2. Each takes a millisecond or a few."""

Begin = Callable[[], object]


class Turns:
    """Lets AT_ONCE things begin in each turn of the loop; where more wait, the addresses of the
    clients take turns."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = AT_ONCE
        self._renewing = False
        self._waiting: OrderedDict[str, deque[Begin]] = OrderedDict()

    def take(self, client: str, begin: Begin) -> bool:
        """Return True if the caller may begin now; if not, `begin` is called once it may."""
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

    def begin_all(self) -> None:
        """Let everything begin that waits."""
        while self._waiting:
            self._pop()()

    def _begin(self) -> None:
        self._left -= 1
        if not self._renewing:
            self._renewing = True
            self._loop.call_soon(self._renew)

    def _renew(self) -> None:
        self._left, self._renewing = AT_ONCE, False
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
