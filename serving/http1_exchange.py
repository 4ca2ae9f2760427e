"""One request over HTTP/1.1 and its response, as ASGI's `receive` and `send`."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import h11

from serving.asgi import Headers, Message
from serving.http1_parser import TOKEN

MAX_UNREAD = 64 * 1024
"""The bytes of a request's body that may wait for the application before reading stops."""

LINE_END = re.compile(rb"[\0\n\r\v\f]")

BODILESS = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}

CLOSE = (b"connection", b"close")
CHUNKED = (b"transfer-encoding", b"chunked")
NO_BODY = (b"content-length", b"0")

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class Exchange:
    """A request and its response. `write` sends bytes to the client, `end` is called after them,
    and `general_headers` returns the headers that every response has."""

    def __init__(
        self,
        method: bytes,
        headers: Headers,
        *,
        is_http11: bool,
        awaits_continue: bool,
        general_headers: Callable[[], Headers],
        write: Callable[[bytes], Awaitable[None]],
        end: Callable[[], Awaitable[None]],
    ) -> None:
        self.complete = False
        """Whether the whole request has arrived."""
        self.begun = False
        """Whether a part of the response was sent."""
        options = b",".join([value for name, value in headers if name == b"connection"])
        self._is_http11 = is_http11
        self.keep_alive = self._is_http11 and not closes(options)
        """Whether another request may follow."""
        self._method = method
        self._awaits_continue = awaits_continue
        self._general_headers = general_headers
        self._write = write
        self._end = end
        self._changed = asyncio.Event()
        self._unread = bytearray()
        self._handed_over = self._answered = self._closed = False
        self._head = b""
        self._left: int | None = None
        self._has_body = self._chunked = False

    @property
    def full(self) -> bool:
        """Whether too much of the request's body is unread."""
        return len(self._unread) >= MAX_UNREAD

    async def arrived(self, event: h11.Data | h11.EndOfMessage) -> None:
        """Take the next part of the request's body, and wait while it is full."""
        self._awaits_continue = False
        if type(event) is h11.Data:
            self._unread += event.data
        else:
            self.complete = True
        self._changed.set()
        while self.full and not self._is_over:
            await self._wait()

    async def answered(self) -> None:
        """Return when the response has ended, or the connection has."""
        while not self._is_over:
            await self._wait()

    def close(self) -> None:
        """Nothing more of the request will arrive."""
        self._closed = True
        self._changed.set()

    async def receive(self) -> Message:
        """Return the next part of the body, or at the end that the client has left."""
        if self._awaits_continue:  # RFC 9110 §10.1.1
            self._awaits_continue = False
            await self._write(CONTINUE)
        while not (self._has_message or self._is_over):
            await self._wait()
        if not self._has_message:
            return {"type": "http.disconnect"}
        body = bytes(self._unread)
        self._unread.clear()
        self._handed_over = self.complete
        self._changed.set()
        return {"type": "http.request", "body": body, "more_body": not self.complete}

    async def send(self, message: Message) -> None:
        match message["type"]:
            case "http.response.start" if not (self._head or self.begun):
                self._start(message["status"], message.get("headers", ()))
            case "http.response.body" if (self._head or self.begun) and not self._answered:
                ends = not message.get("more_body", False)
                await self._continue(message.get("body", b""), ends=ends)
            case other:
                raise RuntimeError(f"the application sent {other} at the wrong time")

    @property
    def _has_message(self) -> bool:
        return bool(self._unread) or (self.complete and not self._handed_over)

    @property
    def _is_over(self) -> bool:
        return self._answered or self._closed

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _start(self, status: int, headers: Headers) -> None:
        headers = [*headers, *self._general_headers()]
        named = dict(headers)
        self._awaits_continue = False
        self._has_body = self._method != b"HEAD" and status not in BODILESS
        if self._has_body:
            if b"content-length" in named:
                self._left = int(named[b"content-length"])
            elif self._is_http11:
                self._chunked = True
                headers.append(CHUNKED)
            else:
                self.keep_alive = False  # the end of the connection is the end of the body
        is_last = closes(named.get(b"connection", b""))
        self.keep_alive = self.keep_alive and not is_last
        if not (self.keep_alive or is_last):
            headers.append(CLOSE)
        self._head = head(status, headers)

    async def _continue(self, data: bytes, *, ends: bool) -> None:
        if not self._has_body:
            data = b""
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (ends and self._left):
                raise RuntimeError("the body isn't as long as its Content-Length")
        if self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
            data = chunk + LAST_CHUNK if ends else chunk
        if data := self._head + data:
            self._head, self.begun = b"", True
            await self._write(data)
        if ends:
            self._answered = True
            self._changed.set()
            await self._end()


def head(status: int, headers: Headers) -> bytes:
    """Return the head of a response. Raises ValueError for an illegal header (RFC 9110 §5)."""
    names, values = zip(*headers, strict=True)
    if not all(map(TOKEN.fullmatch, names)) or LINE_END.search(b"".join(values)):
        raise ValueError("a header of the response has an illegal name or value")
    fields = b"".join([b"%b: %b\r\n" % header for header in headers])
    return b"HTTP/1.1 %d \r\n%b\r\n" % (status, fields)


def closes(connection: bytes) -> bool:
    """Return whether a Connection header says that no request follows (RFC 9112 §9.6)."""
    return b"close" in [option.strip() for option in connection.lower().split(b",")]
