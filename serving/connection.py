"""Hypercorn's side of one connection, with an end that its client hears of."""

from h2.events import Event as H2Event
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.events import Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol
from hyperframe.frame import Frame, GoAwayFrame

GOAWAY = bytes.fromhex("000008 07 00 00000000 7fffffff 00000000")
"""RFC 9113 §6.8: open no more streams here; what is under way will still be taken."""


class Context(WorkerContext):
    """What all connections share: how far the end has come."""

    retiring = False
    leaving = False


class Connection(TCPServer):
    """Hypercorn would close it unannounced, and lose the request that is under way.

    HTTP/1.1 announces the end in its answers (serving/drain.py), HTTP/2 here.
    """

    context: Context
    _announced = False
    _multiplexes = False

    def follow(self) -> None:
        """Do what the context says that it is time for."""
        if self.writer.is_closing():
            return
        if self.context.retiring and not self._announced:
            self._announce()
        if self.context.leaving and self._idle:
            self.writer.close()

    async def protocol_send(self, event: Event) -> None:
        if isinstance(self._protocol, H2Protocol):
            self._multiplexes |= len(self._protocol.streams) > 1
            # A client that says goodbye still waits for its answers, as Node's session.close()
            # does, but h2 would send it nothing any more. For us there is nothing to do.
            self._protocol.connection._frame_dispatch_table[GoAwayFrame] = ignore
        await super().protocol_send(event)
        if isinstance(event, Updated):
            self.follow()

    def _announce(self) -> None:
        """Announce the end over HTTP/2, as soon as that does no harm.

        There are clients, such as httpx, that drop their open streams when they hear of it. So
        who opens one stream at a time hears of it between two, with the number of the last: a
        request that crosses it is ignored, and can be sent again elsewhere. Who has had several
        open at once hears of it at once, as the RFC has it.
        """
        http2 = self._protocol
        if not isinstance(http2, H2Protocol):
            return
        if self._multiplexes:
            frames = GOAWAY
        elif self._idle and http2.connection.highest_inbound_stream_id:
            http2.connection.close_connection()
            frames = http2.connection.data_to_send()
            self.protocol = Deaf(self.protocol)
        else:
            return
        self._announced = True
        self.writer.write(frames)

    @property
    def _idle(self) -> bool:
        """Whether no request is being answered, nor the end of an answer still to be sent."""
        protocol = self._protocol
        if isinstance(protocol, H2Protocol):
            return protocol.idle and not protocol.stream_buffers
        return protocol.stream is None

    async def _read_data(self) -> None:
        await super()._read_data()
        # The client has left. Hypercorn would still wait for the end of its idle time.
        await self.idle_task.stop()

    @property
    def _protocol(self) -> H11Protocol | H2Protocol:
        return self.protocol.protocol


def ignore(frame: Frame) -> tuple[list[Frame], list[H2Event]]:
    """Answer a frame with none, and tell nobody of it."""
    return [], []


class Deaf(ProtocolWrapper):
    """A protocol to which nothing gets through any more but the end of its connection.

    To close instead would have the system reset the connection under what the client is still
    sending, before it has read the goodbye.
    """

    def __init__(self, protocol: ProtocolWrapper) -> None:
        self.protocol = protocol.protocol

    async def handle(self, event: Event) -> None:
        if not isinstance(event, RawData):
            await self.protocol.handle(event)
