"""HTTP/2 with h2, in which an error of one stream doesn't affect the others.

Hypercorn's own protocol ends the connection, with all its requests, for any exception in one
stream. It also copies each response into a buffer, and keeps a tree of priorities, which RFC 9113
has removed.
"""

import asyncio
import copy
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from hypercorn.config import Config
from hypercorn.events import Closed, RawData, Updated
from hypercorn.events import Event as ConnectionEvent
from hypercorn.protocol import events as stream_events
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.typing import ConnectionState, TaskGroup
from hypercorn.utils import filter_pseudo_headers

from serving.admission import Admission
from serving.asgi import Addresses, Headers
from serving.connections import Connections
from serving.frames import Http2Connection, status_of_refusal
from serving.streams import HIGH_WATER, Inbox, Outbox, Stream

PIECE = 1024
"""The number of bytes that are parsed in one turn: about 110 of the smallest frames."""

log = logging.getLogger(__name__)


class Http2:
    """The server's side of one connection. It parses each piece of the input after `turn`."""

    def __init__(
        self,
        admission: Admission,
        config: Config,
        context: Connections,
        task_group: TaskGroup,
        addresses: Addresses,
        send: Callable[[ConnectionEvent], Awaitable[None]],
        turn: Callable[[], Awaitable[None]],
    ) -> None:
        self.connection = Http2Connection(config)
        self.streams: dict[int, Stream] = {}
        self.closed = False
        self._admission = admission
        self._config = copy.copy(config)
        self._config.max_app_queue_size = 0  # the window limits the bodies of streams
        self._task_group = task_group
        self._shared = self._config, context, task_group, *addresses
        self._turn = turn
        self._send = send
        self._wake = asyncio.Event()

    @property
    def idle(self) -> bool:
        """Whether no request is in progress and no end of a response is waiting to be sent."""
        return not self.streams

    @property
    def waits_for_client(self) -> bool:
        return all(stream.waits_for_client for stream in self.streams.values())

    async def initiate(self) -> None:
        self.connection.initiate_connection()
        await self._flush()
        self._task_group.spawn(self._send_answers)

    async def handle(self, event: ConnectionEvent) -> None:
        if isinstance(event, Closed):
            self.closed = True
            for stream in list(self.streams.values()):
                await self._close(stream)
            self._wake.set()
        elif isinstance(event, RawData):
            for begin in range(0, len(event.data), PIECE):
                await self._turn()
                if not self.closed:
                    await self._receive(event.data[begin : begin + PIECE])

    async def stream_send(self, event: stream_events.Event) -> None:
        """Send a part of a response, unless its stream has ended meanwhile."""
        stream = self.streams.get(event.stream_id)
        if stream is None:
            await asyncio.sleep(0)  # otherwise an application that only sends would block the loop
            return
        self._wake.set()
        match event:
            case stream_events.Response() | stream_events.InformationalResponse():
                with suppress(ProtocolError):  # the connection has ended; its streams soon will
                    self._send_headers(stream.id, event.status_code, event.headers)
                stream.inbox.awaits_continue = False
            case stream_events.Body():
                await stream.outbox.put(event.data)
            case stream_events.EndBody():
                await stream.outbox.end()
            case stream_events.StreamClosed():
                await self._close(stream)

    async def reset_stalled(self, before: float) -> None:
        """Reset the streams of whose responses the client has read nothing since `before`."""
        for stream in list(self.streams.values()):
            if stream.outbox.size and stream.outbox.taken_at < before:
                await self._reset(stream, ErrorCodes.CANCEL)

    async def _receive(self, data: bytes) -> None:
        try:
            for event in self.connection.receive(data):
                if not self.closed:
                    await self._handle_isolated(event)
            await self._flush()
        except ProtocolError:
            await self._flush()  # sends a GOAWAY with the reason
            await self._send(Closed())

    async def _handle_isolated(self, event: Event) -> None:
        try:
            await self._handle_event(event)
        except Exception:
            log.exception("a stream of HTTP/2 failed")
            stream = self.streams.get(getattr(event, "stream_id", 0))
            if stream is not None:
                await self._reset(stream, ErrorCodes.INTERNAL_ERROR)

    async def _handle_event(self, event: Event) -> None:
        if isinstance(event, RequestReceived):
            await self._open(event)
            await asyncio.sleep(0)  # one request at a time, in turn with other connections
            return
        stream = self.streams.get(getattr(event, "stream_id", 0))
        match event:
            case DataReceived():
                await self._handle_data(stream, event)
            case StreamEnded() if stream is not None:
                stream.inbox.complete = True
                await stream.http.handle(stream_events.EndBody(stream.id))
            case StreamReset() if stream is not None:
                await self._close(stream)
            case _:
                self._wake.set()  # the windows or their size may have changed

    async def _handle_data(self, stream: Stream | None, event: DataReceived) -> None:
        unread = len(event.data) if stream is not None else 0
        if padding := event.flow_controlled_length - unread:
            self.connection.acknowledge_received_data(padding, event.stream_id)
        if stream is not None:
            stream.inbox.unread += unread
            await stream.http.handle(stream_events.Body(stream.id, event.data))

    async def _open(self, request: RequestReceived) -> None:
        stream_id, headers = request.stream_id, request.headers or []
        if status := status_of_refusal(request):
            self._send_headers(stream_id, status, [(b"content-length", b"0")], end=True)
            with suppress(ProtocolError):
                self.connection.reset_stream(stream_id, ErrorCodes.NO_ERROR)
            return
        values = dict(headers)
        awaits_continue = values.get(b"expect", b"").lower() == b"100-continue"
        inbox = Inbox(self.connection, stream_id, self._wake.set, awaits_continue=awaits_continue)
        application = inbox.before(self._admission)
        http = HTTPStream(application, *self._shared, self.stream_send, stream_id)
        self.streams[stream_id] = stream = Stream(
            stream_id, http, inbox, Outbox(self._admission.hold)
        )
        await self._send(Updated(idle=False))
        await http.handle(
            stream_events.Request(
                stream_id=stream_id,
                headers=filter_pseudo_headers(headers),
                http_version="2",
                method=values[b":method"].decode("ascii"),
                raw_path=values[b":path"],
                state=ConnectionState({}),
            )
        )
        stream.begun = True

    def _send_headers(
        self, stream_id: int, status: int, headers: Headers, *, end: bool = False
    ) -> None:
        head = [(b":status", b"%d" % status), *headers, *self._config.response_headers("h2")]
        self.connection.send_headers(stream_id, head, end_stream=end)

    async def _send_answers(self) -> None:
        """Send what fits into the windows, one frame of each stream in turn.

        This runs in its own task, because the client may be slow to read.
        """
        while not self.closed:
            await self._wake.wait()
            self._wake.clear()
            sent = 1
            while sent and not self.closed:
                sent, unflushed = 0, 0
                for stream in list(self.streams.values()):
                    size = stream.send_frame(self.connection)
                    sent, unflushed = sent + size, unflushed + size
                    if unflushed >= HIGH_WATER:
                        await self._flush()
                        unflushed = 0
                await self._flush()

    async def _reset(self, stream: Stream, code: ErrorCodes) -> None:
        with suppress(ProtocolError):
            self.connection.reset_stream(stream.id, code)
        await self._close(stream)
        self._wake.set()

    async def _close(self, stream: Stream) -> None:
        """Forget `stream`; tell its application, if it still runs, that the client has left."""
        if self.streams.pop(stream.id, None) is None:
            return
        # After the response, the rest of the body isn't needed (RFC 9113 §8.1). Before it, the
        # stream has failed.
        code = ErrorCodes.NO_ERROR if stream.outbox.sent else ErrorCodes.INTERNAL_ERROR
        with suppress(ProtocolError):  # the stream has already ended on both sides
            self.connection.reset_stream(stream.id, code)
        stream.close()
        if stream.begun:
            await stream.http.handle(stream_events.StreamClosed(stream.id))
        self._wake.set()
        if self.idle:
            await self._send(Updated(idle=True))

    async def _flush(self) -> None:
        if data := self.connection.data_to_send():
            await self._send(RawData(data))
