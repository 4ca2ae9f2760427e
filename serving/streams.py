"""One stream of an HTTP/2 connection: its received and its outgoing data."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from h2.exceptions import ProtocolError
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.typing import AppWrapper

from serving.asgi import Application, Message, Receive, Scope, Send
from serving.frames import Http2Connection

HIGH_WATER = 64 * 1024
"""The response bytes that wait in a stream before the application has to wait for the client."""


class Outbox:
    """The part of a response that doesn't fit into the client's window yet. It calls `hold` with
    each change in its size."""

    def __init__(self, hold: Callable[[int], None]) -> None:
        self.size = 0
        self.ended = False
        """Whether no more data will be added."""
        self.taken_at = asyncio.get_running_loop().time()
        self.sent = False
        """Whether all data and the end of the stream were sent."""
        self._hold = hold
        self._chunks: deque[memoryview] = deque()
        self.closed = False
        self._changed = asyncio.Event()

    async def put(self, data: bytes) -> None:
        """Add `data`, and wait until less than HIGH_WATER is left."""
        if self.closed:
            return
        if not self.size:
            self.taken_at = asyncio.get_running_loop().time()
        self._chunks.append(memoryview(data))
        self._resize(len(data))
        while self.size >= HIGH_WATER:
            await self._wait()

    async def end(self) -> None:
        """Mark the end, and wait until all data is sent or the stream is closed."""
        self.ended = True
        while not self.closed:
            await self._wait()

    def take(self, size: int) -> memoryview:
        """Remove and return the next bytes, at most `size`."""
        chunk = self._chunks.popleft()
        if len(chunk) > size:
            self._chunks.appendleft(chunk[size:])
        taken = chunk[:size]
        self._resize(-len(taken))
        self.taken_at = asyncio.get_running_loop().time()
        return taken

    def close(self) -> None:
        """Drop the rest of the data."""
        self.closed = True
        self._chunks.clear()
        self._resize(-self.size)

    def _resize(self, change: int) -> None:
        self.size += change
        self._hold(change)
        self._changed.set()

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class Inbox:
    """Passes a request's body to the application, and reopens the window as the application reads.

    Hypercorn reopens it as soon as data arrives, and reads nothing, of any stream, while one
    application doesn't read. It doesn't send 100 Continue (RFC 9110 §10.1.1) either.
    """

    def __init__(
        self,
        connection: Http2Connection,
        stream_id: int,
        wake: Callable[[], None],
        *,
        awaits_continue: bool,
    ) -> None:
        self.complete = False
        self.awaits_continue = awaits_continue
        """Whether the client waits for 100 Continue; no longer, once the response has begun."""
        self._connection = connection
        self._stream_id = stream_id
        self._wake = wake
        self.unread = 0
        """The bytes by which the window is smaller."""

    def give_back(self, size: int) -> None:
        """Let the client send `size` bytes more."""
        size = min(size, self.unread)
        if size:
            self.unread -= size
            self._connection.acknowledge_received_data(size, self._stream_id)
            self._wake()

    def close(self) -> None:
        """Reopen the window for all unread data, because the application no longer reads."""
        self.give_back(self.unread)

    def _send_continue(self) -> None:
        if self.awaits_continue and not self.complete:
            with suppress(ProtocolError):  # the client has reset the stream
                self._connection.send_headers(self._stream_id, [(b":status", b"100")])
            self._wake()
        self.awaits_continue = False

    def before(self, application: Application) -> AppWrapper:
        """Wrap `application` so that its `receive` reopens the window for what it returns."""

        async def read(
            scope: Scope, receive: Receive, send: Send, *_: Callable[..., object]
        ) -> None:
            async def take() -> Message:
                self._send_continue()
                message = await receive()
                self.give_back(len(message.get("body", b"")))
                return message

            await application(scope, take, send)

        return cast("AppWrapper", read)


class Stream:
    """A request and its response; `http` is Hypercorn's interface to the application."""

    def __init__(self, stream_id: int, http: HTTPStream, inbox: Inbox, outbox: Outbox):
        self.id = stream_id
        self.http = http
        self.inbox = inbox
        self.outbox = outbox
        self.begun = False
        """Whether the application was called."""

    @property
    def waits_for_client(self) -> bool:
        return not self.inbox.complete or self.outbox.size > 0

    def send_frame(self, connection: Http2Connection) -> int:
        """Send a frame of the response's body, or its end; return the number of bytes."""
        outbox, size = self.outbox, 0
        if outbox.closed:
            return 0
        try:
            if outbox.size:
                size = min(
                    connection.local_flow_control_window(self.id),
                    connection.max_outbound_frame_size,
                )
                if size <= 0:
                    return 0
                data = outbox.take(size)
                size = len(data)
                connection.send_data(self.id, data)
                connection.credit()
            if outbox.ended and not outbox.size:
                connection.end_stream(self.id)
                outbox.sent = True
                outbox.close()
        except ProtocolError:
            outbox.close()  # the client has reset it
        return size

    def close(self) -> None:
        self.inbox.close()
        self.outbox.close()
