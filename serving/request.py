"""A request as WSGI requires it: headers that become CGI variables, and the body as a file."""

import asyncio
import contextlib
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import ClientDisconnected, RequestTimeout

from serving.asgi import Headers, Message, Receive
from serving.greenlets import wait_for

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FRAMING = (b"content-length", b"transfer-encoding")


class RequestBody(io.RawIOBase):
    """A file that waits for the server's messages, so that memory holds only what is being read.

    Reading raises RequestTimeout `timeout` seconds after the first read, ClientDisconnected if the
    client leaves before the end, and RuntimeError if a part has been dropped.
    """

    def __init__(
        self, http_version: str, headers: Headers, receive: Receive, timeout: float
    ) -> None:
        names = dict(headers)
        # Over HTTP/1 a body follows only a header that says how long it is (RFC 9112 §6.3).
        self.complete = http_version.startswith("1") and names.keys().isdisjoint(FRAMING)
        """Whether there is no more to read."""
        self.client_left = False
        # The server sends 100 Continue with the first read (RFC 9110 §10.1.1).
        self._expected = names.get(b"expect", b"").lower() == b"100-continue"
        self._receive = receive
        self._timeout = timeout
        self._deadline: float | None = None
        self._ended = asyncio.Event()
        self._unread = memoryview(b"")
        self._dropped = False

    @property
    def over(self) -> bool:
        """Whether no more data can arrive."""
        return self.complete or self.client_left

    @property
    def withheld(self) -> bool:
        """Whether the client sends nothing because nothing was read."""
        return self._expected and self._deadline is None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        if self._dropped:
            raise RuntimeError("the body can't be read any more once the response has begun")
        while not self._unread and not self.complete:
            self._unread = memoryview(wait_for(self._next_chunk(self._begin())))
        target = memoryview(buffer)
        size = min(len(target), len(self._unread))
        target[:size] = self._unread[:size]
        self._unread = self._unread[size:]
        return size

    async def drain(self, limit: int, *, seconds: float) -> None:
        """Read and drop the rest of the body: at most about `limit` bytes, for at most `seconds`,
        and until the deadline."""
        until = min(self._begin(), asyncio.get_running_loop().time() + seconds)
        with contextlib.suppress(ClientDisconnected, RequestTimeout):
            while not self.complete and limit > 0:
                limit -= self._drop(await self._next_chunk(until))

    async def disconnected(self) -> None:
        """Return once the client has left; meanwhile drop the rest of the body."""
        with contextlib.suppress(ClientDisconnected):
            while True:
                self._drop(self._taken(await self._receive()))

    async def ended(self) -> None:
        """Wait until another task has read to the end, the client has left, or the deadline has
        passed; don't wait for a body that is withheld."""
        if self.withheld or self.over:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._begin()):
                await self._ended.wait()

    def _begin(self) -> float:
        """Return the deadline by the loop's clock; the first read sets it."""
        if self._deadline is None:
            self._deadline = asyncio.get_running_loop().time() + self._timeout
        return self._deadline

    async def _next_chunk(self, until: float) -> bytes:
        if self.client_left:
            raise ClientDisconnected
        try:
            async with asyncio.timeout_at(until):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout from None
        return self._taken(message)

    def _taken(self, message: Message) -> bytes:
        if message["type"] == "http.disconnect":
            self.client_left = True
            self._ended.set()
            raise ClientDisconnected
        if not message.get("more_body", False):
            self.complete = True
            self._ended.set()
        chunk: bytes = message.get("body", b"")
        return chunk

    def _drop(self, chunk: bytes) -> int:
        self._dropped = self._dropped or bool(chunk)
        return len(chunk)


def clean(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers that CGI variables can represent.

    Names with an underscore are dropped, because `X_Request_ID` would look like `X-Request-ID`.
    HTTP/2's split Cookie headers are joined by a semicolon (RFC 9113 §8.2.3). Upgrade is dropped
    (RFC 9110 §7.8), because Werkzeug finds no route for a request that asks for a WebSocket.
    """
    kept: Headers = []
    cookies: list[bytes] = []
    for name, value in headers:
        if name == b"cookie":
            cookies.append(value)
        elif name != b"upgrade" and b"_" not in name:
            kept.append((name, value))
    return [*kept, (b"cookie", b"; ".join(cookies))] if cookies else kept
