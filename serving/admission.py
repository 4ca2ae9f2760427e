"""Start the requests of an HTTP/2 connection as fast as its client reads the responses."""

import asyncio
from collections.abc import Callable

from serving.asgi import Application, Message, Receive, Scope, Send
from serving.turns import Turns

ROOM = 1024 * 1024
"""The bytes that may wait for a client before its further requests wait too."""

MAX_UNANSWERED = 16
"""The requests of a connection whose responses haven't begun, so that their size isn't known."""


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
        self.client_left = False
        self._application = application
        self._held = held
        self._turns = turns
        self._client = client
        self._unanswered: set[object] = set()
        self._changed = asyncio.Event()

    def hold(self, change: int) -> None:
        """`change` more bytes wait for the client."""
        self.unsent += change
        self._held(change)
        self._changed.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._turns.turn(self._client)
        while self.unsent > ROOM or len(self._unanswered) >= MAX_UNANSWERED:
            self._changed.clear()
            await self._changed.wait()
        if self.client_left:
            return
        request = object()
        self._unanswered.add(request)

        def answer_begins() -> None:
            self._unanswered.discard(request)
            self._changed.set()

        async def send_and_count(message: Message) -> None:
            answer_begins()
            await send(message)

        try:
            await self._application(scope, receive, send_and_count)
        finally:
            answer_begins()
