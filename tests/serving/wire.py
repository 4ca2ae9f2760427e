"""Clients that do what no well-behaved one would: raw HTTP/1.1, and HTTP/2 frame by frame."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
from hyperframe.frame import Frame, GoAwayFrame

Pairs = list[tuple[str, str]]


@dataclass
class Response:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Http1:
    """A connection over which bytes are sent as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, address: str) -> AsyncIterator[Self]:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
        try:
            yield cls(reader, writer)
        finally:
            if not writer.is_closing():
                writer.transport.abort()  # close() would first send what is left to send
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def request(self, line: str, *headers: str, body: bytes = b"") -> None:
        lines = [f"{line} HTTP/1.1", "Host: api.test", *headers, "", ""]
        await self.send("\r\n".join(lines).encode("latin-1") + body)

    async def head(self) -> Response:
        """The next status line and headers."""
        status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines if line)
        return Response(int(status.split()[1]), {name.lower(): value for name, _, value in pairs})

    async def response(self) -> Response:
        """The next answer with its body, which has a Content-Length or comes in chunks."""
        response = await self.head()
        if "content-length" in response.headers:
            length = int(response.headers["content-length"])
            response.body = await self.reader.readexactly(length)
        else:
            while chunk := await self.chunk():
                response.body += chunk
        return response

    async def chunk(self) -> bytes:
        """The next chunk; empty at the end."""
        size = int(await self.reader.readline(), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def closed(self) -> bool:
        """Wait until the server closes; whether it had sent nothing more."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read() == b""
        return True


class Http2(Http1):
    """A connection on which streams are opened, fed and read side by side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        config = h2.config.H2Configuration(client_side=True, validate_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.responses: dict[int, Response] = {}
        self.ended: set[int] = set()
        self.reset: set[int] = set()
        self.asked: set[int] = set()
        """The streams whose body 100 Continue has asked for."""
        self.goodbyes: list[int] = []
        """The last stream that each GOAWAY has named."""
        # h2 takes nothing any more after a GOAWAY, where RFC 9113 §6.8 has open streams go on.
        self.h2._frame_dispatch_table[GoAwayFrame] = self._hear
        self.window_updates = True

    async def open(
        self,
        line: str,
        *headers: tuple[str, str],
        end: bool = True,
        authority: str | None = "api.test",
    ) -> int:
        """Begin a stream, and end it too unless a body follows; its number."""
        method, path = line.split()
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":path", path), (":scheme", "http")]
        pseudo += [] if authority is None else [(":authority", authority)]
        encoded = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in [*pseudo, *headers]]
        self.h2.send_headers(stream, encoded, end_stream=end)
        self.responses[stream] = Response()
        await self.flush()
        return stream

    async def body(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send a piece of a body, as the server's window lets us."""
        view = memoryview(data)
        while view:
            room = self.h2.local_flow_control_window(stream)
            if not room:
                await self.receive()
                continue
            size = min(room, len(view), self.h2.max_outbound_frame_size)
            self.h2.send_data(stream, bytes(view[:size]))
            view = view[size:]
            await self.flush()
        if end:
            self.h2.end_stream(stream)
            await self.flush()

    async def answer(self, stream: int) -> Response:
        """The whole answer on a stream."""
        while stream not in self.ended:
            await self.receive()
        return self.responses[stream]

    async def receive(self) -> None:
        """Take what comes next; raises EOFError where the connection has ended."""
        data = await self.reader.read(65536)
        if not data:
            raise EOFError
        for event in self.h2.receive_data(data):
            self._handle(event)
        await self.flush()

    async def flush(self) -> None:
        await self.send(self.h2.data_to_send())

    def _handle(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                pairs = {k.decode(): v.decode("latin-1") for k, v in event.headers}
                self.responses[event.stream_id].status = int(pairs.pop(":status"))
                self.responses[event.stream_id].headers = pairs
            case h2.events.InformationalResponseReceived():
                self.asked.add(event.stream_id)
            case h2.events.DataReceived():
                self.responses[event.stream_id].body += event.data
                if self.window_updates:
                    length = event.flow_controlled_length
                    self.h2.acknowledge_received_data(length, event.stream_id)
            case h2.events.StreamReset():
                self.reset.add(event.stream_id)
                self.ended.add(event.stream_id)
            case h2.events.StreamEnded():
                self.ended.add(event.stream_id)

    def _hear(self, frame: GoAwayFrame) -> tuple[list[Frame], list[h2.events.Event]]:
        if frame.error_code:
            raise EOFError(f"the server ended the connection: {frame.error_code}")
        self.goodbyes.append(frame.last_stream_id)
        return [], []
