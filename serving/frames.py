"""HTTP/2 frames: h2, with errors limited to their streams and a limit on floods of frames."""

import re
import time
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection, _decode_headers
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import NoSuchStreamError, ProtocolError, TooManyStreamsError
from h2.frame_buffer import FrameBuffer
from h2.settings import SettingCodes, Settings
from h2.stream import StreamClosedBy
from hpack.exceptions import HPACKError
from hypercorn.config import Config
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from serving.http1_parser import MAX_FIELDS, OTHER_FORMS, TOKEN

FRAMES, SECONDS = 1000, 10.0
"""The number of frames without content that a client may send within this many seconds."""
CANCELLED = 5
"""The number of such frames for which a reset stream counts, because its work was wasted."""
MAX_HEADER_TABLE = 4096
"""The size in bytes of the table of sent headers, from which HPACK compresses the next ones. It is
HTTP/2's default, and the client doesn't decide how large it becomes."""

NAMES = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z:-]*")
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
SCHEMES = {b"http", b"https"}
PATH = re.compile(rb"/[\x21\x22\x24-\x3e\x40-\x7e]*(\?[\x21\x22\x24-\x7e\x80-\xff]*)?")

ZERO_UPDATE = re.compile(
    rb"\0\0\x04\x08."  # the length, the type and the flags
    rb"(?![\0\x80]\0\0\0)(....)[\0\x80]\0\0\0",  # a stream and the increment
    re.DOTALL,
)


def status_of_refusal(request: RequestReceived) -> int | None:
    """Return the status for a `request` that fails a check that h2 doesn't make itself."""
    headers = request.headers or []
    if len(headers) > MAX_FIELDS:
        return 431
    values = dict(headers)  # joined below, because one search costs less than one for each header
    method, path = values.get(b":method", b""), values.get(b":path", b"")
    well_formed = (
        NAMES.fullmatch(b"".join(values)) is not None
        and CONTROL.search(b"".join([value for _, value in headers])) is None
        and values.get(b":scheme") in SCHEMES
        and TOKEN.fullmatch(method) is not None
        and (PATH.fullmatch(path) is not None or (method, path) in OTHER_FORMS)
        and method != b"CONNECT"  # which is for proxies, and for WebSockets (RFC 8441)
        and not (request.stream_ended and int(values.get(b"content-length", 0)))
    )
    return None if well_formed else 400


class TolerantBuffer(FrameBuffer):
    """The unparsed input. A WINDOW_UPDATE of 0 on a stream passes: h2 would end the connection, but
    RFC 9113 §6.9 makes it an error of the stream."""

    def __next__(self) -> Frame:
        update = None if self._headers_buffer else ZERO_UPDATE.match(self._data)
        if update is None:
            return super().__next__()
        frame = WindowUpdateFrame(int.from_bytes(update[1], "big") & 0x7FFFFFFF)
        del self._data[: update.end()]
        return frame


class Http2Connection(H2Connection):
    """h2's connection, in which an error of one stream resets only that stream.

    h2 ends the connection for a header that isn't allowed, or a body that is not as long as its
    Content-Length says; RFC 9113 §8.1.1 makes these errors of the stream.
    """

    MAX_CLOSED_STREAMS = 4096  # whose end is remembered; h2's own value is 65,536

    def __init__(self, config: Config) -> None:
        super().__init__(H2Configuration(client_side=False, header_encoding=None))
        self.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: config.h2_max_concurrent_streams,
                SettingCodes.MAX_HEADER_LIST_SIZE: config.h2_max_header_list_size,
            },
        )
        self._max_header_list = config.h2_max_header_list_size
        self._empty_frames = 0
        self._counted_since = time.monotonic()
        self.incoming_buffer = TolerantBuffer(server=True)

    def receive(self, data: bytes) -> list[Event]:
        """Return the events in `data`. Raises ProtocolError, with a GOAWAY to be sent, if the
        connection must end."""
        events = self.receive_data(data)
        self._bound_empty_frames(events)
        self._bound_unfinished_headers()
        return events

    def _receive_frame(self, frame: Frame) -> list[Event]:
        """Handle a frame, and reset its stream if it has an error. Count frames that cause no
        event, such as those of a stream that was reset. Private: h2 has no public way."""
        try:
            events = self._receive_bounded(frame)
        except ProtocolError as error:
            if (
                not isinstance(frame, HeadersFrame | DataFrame | WindowUpdateFrame)
                or frame.stream_id not in self.streams
                or isinstance(error, NoSuchStreamError)
                # The decoder's state is lost, so no further header can be decoded.
                or isinstance(error.__cause__, HPACKError)
            ):
                raise
            self.reset_stream(frame.stream_id, error.error_code)
            events = [StreamReset(stream_id=frame.stream_id, remote_reset=False)]
        self._empty_frames += not events
        return events

    def _receive_bounded(self, frame: Frame) -> list[Event]:
        table_size = SettingsFrame.HEADER_TABLE_SIZE
        match frame:
            case PriorityFrame():
                return []  # RFC 9113 has no priorities; h2 ends the connection for a circular one
            case GoAwayFrame():
                # h2 would stop sending. But the client still waits for its responses, as Node's
                # session.close() does.
                return []
            case WindowUpdateFrame(window_increment=0):  # which TolerantBuffer lets pass
                raise ProtocolError("a WINDOW_UPDATE of 0")
            case SettingsFrame() if frame.settings.get(table_size, 0) > MAX_HEADER_TABLE:
                # A client may allow 4 GiB, and the encoder searches the table for each header.
                frame.settings[table_size] = MAX_HEADER_TABLE
        try:
            return super()._receive_frame(frame)
        except TooManyStreamsError:
            if frame.stream_id <= self.highest_inbound_stream_id or not frame.stream_id % 2:
                raise
            self._refuse_stream(cast("HeadersFrame", frame))
            return []

    def _refuse_stream(self, frame: HeadersFrame) -> None:
        """Reset a stream beyond the limit (RFC 9113 §5.1.2). h2 would end the connection, but a
        client may open the stream before it has read our SETTINGS."""
        _decode_headers(self.decoder, frame.data)  # later headers may refer to these
        self.highest_inbound_stream_id = frame.stream_id
        self._closed_streams[frame.stream_id] = StreamClosedBy.SEND_RST_STREAM
        refusal = RstStreamFrame(frame.stream_id, error_code=ErrorCodes.REFUSED_STREAM)
        self._prepare_for_sending([refusal])

    def _bound_empty_frames(self, events: list[Event]) -> None:
        """End a connection with too many frames without content: RFC 9113 §10.5."""
        for event in events:
            match event:
                case RequestReceived():
                    self.credit()
                case StreamEnded():
                    pass
                case DataReceived(data=data) if data:
                    pass
                case StreamReset(remote_reset=True):
                    self._empty_frames += CANCELLED
                case _:
                    self._empty_frames += 1
        if self._empty_frames > FRAMES:
            now = time.monotonic()
            if now - self._counted_since < SECONDS:
                self.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
                raise ProtocolError
            self._empty_frames, self._counted_since = 0, now

    def _bound_unfinished_headers(self) -> None:
        """End a connection whose unfinished header list is already too long. h2 limits only the
        number of its frames, which are private there, to 64: they can have 1 MiB."""
        unfinished = self.incoming_buffer._headers_buffer
        if sum(len(frame.data) for frame in unfinished) > self._max_header_list:
            self.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            raise ProtocolError

    def credit(self) -> None:
        """Allow for a priority with each request, and two window updates for each frame sent."""
        self._empty_frames = max(0, self._empty_frames - 2)
