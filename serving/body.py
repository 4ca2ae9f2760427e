"""The request's body as the file that WSGI wants, read from the server only when asked for."""

import asyncio
import io
from typing import TYPE_CHECKING

from werkzeug.exceptions import ClientDisconnected, RequestTimeout

from serving.asgi import Receive
from serving.greenlets import wait_for

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class RequestBody(io.RawIOBase):
    """An input that waits for the server's messages, so that no more is held than is read.

    `timeout`: seconds from now until which the whole body must have come. Reading raises
    RequestTimeout after that, and ClientDisconnected if the client leaves before the end.
    """

    def __init__(self, receive: Receive, *, timeout: float) -> None:
        self.complete = False
        self._receive = receive
        self._deadline = asyncio.get_running_loop().time() + timeout
        self._unread = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while not self._unread and not self.complete:
            self._unread = memoryview(wait_for(self._next_chunk()))
        target = memoryview(buffer)
        size = min(len(target), len(self._unread))
        target[:size] = self._unread[:size]
        self._unread = self._unread[size:]
        return size

    async def drain(self, limit: int) -> None:
        """Read on and drop what is left, at most about `limit` bytes and until the deadline.

        Afterwards `complete` says whether the end was reached. An answer to an unread body
        disturbs other streams on HTTP/2 (Hypercorn #329), and on HTTP/1.1 the client may meet
        a closed connection before it reads the answer.
        """
        try:
            while not self.complete and limit > 0:
                limit -= len(await self._next_chunk())
        except (ClientDisconnected, RequestTimeout):
            pass

    async def disconnected(self) -> None:
        """Return once the client has left; drops what still comes of the body."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _next_chunk(self) -> bytes:
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        self.complete = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk
