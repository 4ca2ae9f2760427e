"""One connection: reading, writing, its timeouts, and an announced end."""

import asyncio
import contextlib
import socket
import struct
from ssl import SSLContext
from typing import Any

from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H2ProtocolAssumedError
from hypercorn.utils import parse_socket_addr

from serving.admission import Admission
from serving.asgi import Application
from serving.config import ServerConfig
from serving.connections import Connections
from serving.http1 import Http1
from serving.http2 import Http2
from serving.output import SLICE, Output, read_progress
from serving.turns import client_of

GOAWAY = bytes.fromhex("000008 07 00 00000000 7fffffff 00000000")
"""RFC 9113 §6.8: the client must open no more streams; those in progress are still handled."""

TLS_SHUTDOWN_TIMEOUT = 2.0
"""The seconds for which closing TLS waits for the client's part."""


class Connection:
    """Serves the socket `accepted`, over TLS if `tls` is given.

    HTTP/1.1 announces its end in responses (serving/drain.py), HTTP/2 in this class.
    """

    def __init__(
        self,
        application: Application,
        config: ServerConfig,
        context: Connections,
        accepted: socket.socket,
        address: Any,
        tls: SSLContext | None,
    ) -> None:
        self.protocol: Http1 | Http2 | None = None
        self.client = client_of(address)
        self._application = application
        self._admission = Admission(application, context.hold, context.turns, self.client)
        self._config = config
        self._context = context
        self._socket = accepted
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._writer: asyncio.StreamWriter | None = None
        self._waits_since = self._progressed_at = self._progress = 0.0
        self._announced = self._multiplexes = self._ignores_input = self._queued = False
        self.task = self._loop.create_task(self._run())
        """Ends with the connection."""
        self.task.add_done_callback(lambda _: accepted.close())

    def follow(self) -> None:
        """Announce the end or close, if the context says that it is time."""
        if self._writer is None or self._writer.is_closing():
            return
        if self._context.retiring and not self._announced:
            self._announce(self._writer)
        if self._context.leaving and self._idle:
            self._writer.close()

    @property
    def unsent(self) -> int:
        """The response bytes that wait for the client."""
        return self._admission.unsent

    @property
    def waits_for_client(self) -> bool:
        """Whether the client has to act before the connection can continue."""
        if self.protocol is None or self._writer is None:
            return True
        held = self.unsent or self._writer.transport.get_write_buffer_size()
        return not self._queued and (bool(held) or self.protocol.waits_for_client)

    def abort(self) -> None:
        """End the connection without waiting for its client."""
        if self._writer is None:
            self.task.cancel()
            return
        if read_progress(self._socket, self._writer.transport)[1]:
            # Otherwise the system would continue to send the data in its buffer.
            with contextlib.suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    async def check(self, now: float) -> bool:
        """End the connection, or its streams, if its client has sent no request, or read nothing,
        for too long. Return whether the connection ends."""
        if self.protocol is None or self._writer is None:
            return False  # the handshake of TLS has a timeout of its own
        send_timeout = self._context.send_timeout
        if self._idle and not self._writer.is_closing():
            if now - self._waits_since < self._context.keep_alive:
                return False
            await self.protocol.handle(Closed())
            self._writer.close()
            return True
        progress, pending = read_progress(self._socket, self._writer.transport)
        if not pending or progress != self._progress:
            self._progress, self._progressed_at = progress, now
        elif now - self._progressed_at >= send_timeout:
            self._context.log.warning(
                "a client read nothing for %s seconds: connection reset", send_timeout
            )
            self.abort()
            return True
        if isinstance(self.protocol, Http2):
            await self.protocol.reset_stalled(now - send_timeout)
        return False

    async def _run(self) -> None:
        await self._turn()
        try:
            reader, writer = await self._open()
        except OSError:
            return  # the client has left, or the handshake of TLS has failed
        try:
            async with TaskGroup(self._loop) as group:
                tls = writer.get_extra_info("ssl_object")
                is_http2 = tls is not None and tls.selected_alpn_protocol() == "h2"
                self.protocol = self._speak(group, http2=is_http2)
                await self.protocol.initiate()
                await self._read(reader, group)
        finally:
            await self._output.close()
            self.protocol = None  # it refers to the connection: now both are freed at once

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self._addresses = (
            self._tls is not None,
            parse_socket_addr(self._socket.family, self._socket.getpeername()),
            parse_socket_addr(self._socket.family, self._socket.getsockname()),
        )
        reader = asyncio.StreamReader(limit=SLICE // 2)  # it stops reading at twice as much
        protocol = asyncio.StreamReaderProtocol(reader)
        tls = self._tls
        transport, _ = await self._loop.connect_accepted_socket(
            lambda: protocol,
            self._socket,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else self._config.ssl_handshake_timeout,
            ssl_shutdown_timeout=None if tls is None else TLS_SHUTDOWN_TIMEOUT,
        )
        # Undocumented: asyncio reads 256 KiB at once, which many connections would hold together.
        transport.max_size = SLICE  # type: ignore[attr-defined]  # not in its types
        self._writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
        self._waits_since = self._progressed_at = self._loop.time()
        self._output = Output(self._writer, self._admission.hold)
        return reader, self._writer

    def _speak(self, group: TaskGroup, *, http2: bool) -> Http1 | Http2:
        shared = group, self._addresses, self._send, self._turn
        if http2:
            return Http2(self._admission, self._config, self._context, *shared)
        return Http1(self._application, self._config, *shared)

    async def _read(self, reader: asyncio.StreamReader, group: TaskGroup) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(SLICE):
                self._context.mark_active(self)
                if self._ignores_input:
                    continue
                try:
                    await self._handle(RawData(data))
                except H2ProtocolAssumedError as assumed:
                    self.protocol = self._speak(group, http2=True)
                    await self.protocol.initiate()
                    await self._handle(RawData(assumed.data))
        self._admission.client_left = True
        await self._handle(Closed())

    async def _handle(self, event: Event) -> None:
        if self.protocol is not None:
            await self.protocol.handle(event)

    async def _send(self, event: Event) -> None:
        match event:
            case RawData(data=data):
                try:
                    await self._output.write(data)
                except (OSError, RuntimeError):
                    await self._handle(Closed())
            case Updated(idle=is_idle):
                if is_idle:
                    self._waits_since = self._loop.time()
                elif isinstance(self.protocol, Http2):
                    self._multiplexes |= len(self.protocol.streams) > 1
                if self._context.retiring:
                    self.follow()
            case _:
                await self._output.close()

    def _announce(self, writer: asyncio.StreamWriter) -> None:
        """Announce the end over HTTP/2, as soon as that does no harm.

        Some clients, such as httpx, drop their open streams when they get a GOAWAY. So a client
        that opens one stream at a time gets it between two streams: a request that crosses it can
        be sent again. One that has had several open at once gets it immediately.
        """
        http2 = self.protocol
        if not isinstance(http2, Http2):
            return
        if self._multiplexes:
            frames = GOAWAY
        elif http2.idle and http2.connection.highest_inbound_stream_id:
            http2.connection.close_connection()
            frames = http2.connection.data_to_send()
            # From now on all input is ignored. If the connection were closed instead, the system
            # could reset it before the client has read the GOAWAY.
            self._ignores_input = True
        else:
            return
        self._announced = True
        writer.write(frames)

    @property
    def _idle(self) -> bool:
        return self.protocol is not None and self.protocol.idle and not self._queued

    async def _turn(self) -> None:
        """Wait for the client's turn. Meanwhile the connection isn't idle, since it has input."""
        self._queued = True
        await self._context.turns.turn(self.client)
        self._queued = False
