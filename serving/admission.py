"""When the requests of one connection begin: as its client takes the answers."""

import asyncio
from collections.abc import Callable

from serving.asgi import Message, Receive, Scope, Send
from serving.streams import Call

ROOM = 1024 * 1024
"""How many bytes may wait for a client before its further requests wait, too."""

AT_ONCE = 16
"""How many requests of a connection may be under way without an answer that has begun. Nobody knows
how large their answers will be."""


class Admission:
    """`application`, called only when there is room. `held` hears of each change in `unsent`."""

    def __init__(self, application: Call, held: Callable[[int], None]) -> None:
        self.unsent = 0
        """How many bytes wait for the client."""
        self.client_left = False
        self._application = application
        self._held = held
        self._unanswered = 0
        self._changed = asyncio.Event()

    def hold(self, change: int) -> None:
        """`change` more bytes wait for the client."""
        self.unsent += change
        self._held(change)
        self._changed.set()

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *threads: Callable[..., object]
    ) -> None:
        if scope["http_version"].startswith("1"):  # one request after the other
            await self._application(scope, receive, send, *threads)
            return
        while self.unsent > ROOM or self._unanswered >= AT_ONCE:
            self._changed.clear()
            await self._changed.wait()
        if not self.client_left:
            await self._count(scope, receive, send, *threads)

    async def _count(
        self, scope: Scope, receive: Receive, send: Send, *threads: Callable[..., object]
    ) -> None:
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
            await self._application(scope, receive, send_and_count, *threads)
        finally:
            answered()
