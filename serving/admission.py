"""Start the requests of an HTTP/2 connection as fast as its client reads the responses."""

import asyncio
from collections.abc import Callable

from serving.asgi import Application, Message, Receive, Scope, Send
from serving.turns import Turns

ROOM = 1024 * 1024
"""The number of bytes that may wait for a client before its further requests wait too."""

MAX_UNANSWERED = 16
"""The number of requests of a connection that may be in progress before their responses begin. It
is limited because the size of these responses isn't known yet."""


class Admission:
    """Calls `application` when there is room and it is the client's turn, and `held` with each
    change of `unsent`."""

    def __init__(
        self,
        application: Application,
        held: Callable[[int], None],
        turns: Turns,
        client: str,
    ) -> None:
        self.unsent = 0
        """The number of bytes that wait for the client."""
        self.client_left = False
        self._application = application
        self._held = held
        self._turns = turns
        self._client = client
        self._unanswered = 0
        self._changed = asyncio.Event()

    def hold(self, change: int) -> None:
        """`change` more bytes wait for the client."""
        self.unsent += change
        self._held(change)
        self._changed.set()

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *_: Callable[..., object]
    ) -> None:
        """Call it as ASGI; Hypercorn also passes two functions for threads."""
        await self._turns.turn(self._client)
        while self.unsent > ROOM or self._unanswered >= MAX_UNANSWERED:
            self._changed.clear()
            await self._changed.wait()
        if not self.client_left:
            await self._count(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        unanswered = 1
        self._unanswered += 1

        def answered() -> None:
            nonlocal unanswered
            self._unanswered -= unanswered
            unanswered = 0
            self._changed.set()

        async def send_and_count(message: Message) -> None:
            if unanswered:
                answered()
            await send(message)

        try:
            await self._application(scope, receive, send_and_count)
        finally:
            answered()
