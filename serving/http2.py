"""HTTP/2 with h2, in which an error of one stream doesn't affect the others.

Hypercorn's own protocol ends the connection, with all its requests, for any exception in one
stream. It also copies each response into a buffer, and keeps a tree of priorities, which RFC 9113
has removed.
"""

import asyncio
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

from serving.asgi import HypercornApplication
from serving.connections import Connections
from serving.frames import Http2Connection, status_of_refusal
from serving.streams import HIGH_WATER, Inbox, Outbox, Stream, without_queue_limit

PIECE = 1024
"""The number of bytes that are parsed in one turn: about 110 of the smallest frames."""

Address = tuple[str, int] | None
Addresses = tuple[bool, Address, Address]
"""Whether TLS is used, the client's address and the server's address."""

log = logging.getLogger(__name__)


class Http2:
    """The server's side of one connection. It parses each piece of the input after `turn`, and
    calls `hold` with changes in the waiting bytes."""

    def __init__(
        self,
        application: HypercornApplication,
        config: Config,
        context: Connections,
        task_group: TaskGroup,
        addresses: Addresses,
        *,
        turn: Callable[[], Awaitable[None]],
        send: Callable[[ConnectionEvent], Awaitable[None]],
        hold: Callable[[int], None],
    ) -> None:
        self.connection = Http2Connection(config)
        self.streams: dict[int, Stream] = {}
        self.closed = False
        self._application = application
        self._config = without_queue_limit(config)
        self._context = context
        self._task_group = task_group
        self._state = ConnectionState({})
        self._addresses = addresses
        self._turn = turn
        self._send = send
        self._hold = hold
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
        with suppress(ProtocolError):  # the connection has ended, and its streams will soon end
            await self._send_part(stream, event)

    async def _send_part(self, stream: Stream, event: stream_events.Event) -> None:
        self._wake.set()
        match event:
            case stream_events.Response() | stream_events.InformationalResponse():
                status = (b":status", b"%d" % event.status_code)
                headers = [status, *event.headers, *self._config.response_headers("h2")]
                self.connection.send_headers(event.stream_id, headers)
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
            stream.inbox.arrived(unread)
            await stream.http.handle(stream_events.Body(stream.id, event.data))

    async def _open(self, request: RequestReceived) -> None:
        stream_id, headers = request.stream_id, request.headers or []
        if status := status_of_refusal(request):
            self._refuse(stream_id, status)
            return
        values = dict(headers)
        awaits_continue = values.get(b"expect", b"").lower() == b"100-continue"
        inbox = Inbox(self.connection, stream_id, self._wake.set, awaits_continue=awaits_continue)
        http = HTTPStream(
            inbox.before(self._application),
            self._config,
            self._context,
            self._task_group,
            *self._addresses,
            self.stream_send,
            stream_id,
        )
        self.streams[stream_id] = stream = Stream(stream_id, http, inbox, Outbox(self._hold))
        await self._send(Updated(idle=False))
        await http.handle(
            stream_events.Request(
                stream_id=stream_id,
                headers=filter_pseudo_headers(headers),
                http_version="2",
                method=values[b":method"].decode("ascii"),
                raw_path=values[b":path"],
                state=self._state,
            )
        )
        stream.begun = True

    def _refuse(self, stream_id: int, status: bytes) -> None:
        headers = [(b":status", status), (b"content-length", b"0")]
        headers += self._config.response_headers("h2")
        self.connection.send_headers(stream_id, headers, end_stream=True)
        with suppress(ProtocolError):
            self.connection.reset_stream(stream_id, ErrorCodes.NO_ERROR)

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
