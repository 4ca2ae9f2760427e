"""A strict parser of HTTP/1.1 (RFC 9112): h11 is lenient where a proxy may parse differently.

Request smuggling exploits a request that can be parsed in two ways. So a request that no client
that follows the RFC would send is answered with 400, and the connection is closed.
"""

import re
from typing import Any

import h11
from h11._receivebuffer import ReceiveBuffer  # h11 has no public way to replace its rules
from hypercorn.protocol.h11 import H2ProtocolAssumedError

from serving.asgi import Headers
from serving.config import ServerConfig

BLANK_LINE = re.compile(rb"\n\r?\n")
ILLEGAL = re.compile(
    rb"(?<!\r)\n|\r(?!\n)"  # a line ends with CR and LF, and neither stands alone (§2.2)
    rb"|\r\n[ \t]"  # a header that is folded over two lines (§5.2)
    rb"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"  # control characters (RFC 9110 §5.5)
)

MAX_FIELDS = 100
"""The number of header fields, which cost CPU time each, however short they are."""

MAX_CHUNK_LINE = 256
"""The bytes of a chunk's size with its extensions, which no limit on bodies counts."""

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VERSIONS = (b"1.0", b"1.1")
OTHER_FORMS = {(b"OPTIONS", b"*")}
ABSOLUTE_FORM = re.compile(
    rb"https?://(?P<authority>[^/?#@]+)(?:/|(?=\?)|$)(?P<path>[^#]*)", re.IGNORECASE
)


class StrictBuffer(ReceiveBuffer):
    """The unparsed input. Its methods replace h11's private ones, which accept what ILLEGAL finds,
    and a head of any size that arrives at once."""

    def __init__(self, max_head: int) -> None:
        super().__init__()
        self._max_head = max_head

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """Return the lines of a head or of trailers, once they are complete."""
        if self._data.startswith(b"\r\n"):
            self._extract(2)
            return []
        end = BLANK_LINE.search(self._data, self._multiple_lines_search)
        if end is None:
            self._multiple_lines_search = max(0, len(self._data) - 2)
            return None
        head = self._extract(end.end())
        # The request's line, and the empty one, aren't fields.
        if len(head) > self._max_head or head.count(b"\n") > MAX_FIELDS + 2:
            raise h11.LocalProtocolError("too many header fields", error_status_hint=431)
        if ILLEGAL.search(head):
            raise h11.LocalProtocolError("a bare CR or LF, a folded line or a control character")
        return head.split(b"\r\n")[:-2]

    def maybe_extract_next_line(self) -> bytearray | None:
        """Return the line with a chunk's size, including its line break."""
        line = super().maybe_extract_next_line()
        if line is None:
            return None
        if line.endswith((b" \r\n", b"\t\r\n")) or ILLEGAL.search(line):
            raise h11.LocalProtocolError("a chunk's size is followed by illegal characters")
        if len(line) > MAX_CHUNK_LINE:
            raise h11.LocalProtocolError("a chunk's extensions are too long (RFC 9112 §7.1.1)")
        return line


class StrictConnection(h11.Connection):
    """h11's parser, strict, for one request: its `trailing_data` belongs to the next one.

    HTTP/2's preface raises H2ProtocolAssumedError where it is allowed.
    """

    def __init__(self, config: ServerConfig, received: bytes = b"") -> None:
        max_head = config.h11_max_incomplete_size
        super().__init__(h11.SERVER, max_incomplete_event_size=max_head)
        self._receive_buffer = StrictBuffer(max_head)  # private: h11 has no argument for it
        if received:
            self.receive_data(received)
        self._http2_cleartext = config.http2_cleartext
        self.target = b""
        self.headers: Headers = []
        """The request's. A list, because each look at one of h11's headers costs two calls."""

    def next_event(self) -> Any:
        if self.their_state is h11.IDLE:
            received = self._receive_buffer
            # RFC 9112 §2.2: some clients send an empty line after a body.
            if received._data.startswith(b"\r\n"):
                received.maybe_extract_at_most(2)
            elif received._data == b"\r":
                return h11.NEED_DATA
        event = super().next_event()
        return self._checked(event) if type(event) is h11.Request else event

    def _checked(self, request: h11.Request) -> h11.Request:
        if request.http_version not in VERSIONS:
            if self._http2_cleartext and (request.method, request.target) == (b"PRI", b"*"):
                raise H2ProtocolAssumedError(b"PRI * HTTP/2.0\r\n\r\n" + self.trailing_data[0])
            raise h11.RemoteProtocolError("not HTTP/1.1", error_status_hint=505)
        if b"#" in request.target:
            raise h11.RemoteProtocolError("the target has a fragment")
        self.target, self.headers = request.target, list(request.headers)
        names = dict(self.headers)
        if b"transfer-encoding" in names and (
            b"content-length" in names or request.http_version == b"1.0"
        ):
            raise h11.RemoteProtocolError("the body's length is ambiguous (RFC 9112 §6.1)")
        is_path = request.target.startswith(b"/")
        is_other = request.method == b"CONNECT" or (request.method, request.target) in OTHER_FORMS
        if not (is_path or is_other):
            self._take_origin_form(request.target)
        return request

    def _take_origin_form(self, url: bytes) -> None:
        """Take the path and the Host from an absolute `url`, as RFC 9112 §3.2.2 requires."""
        parts = ABSOLUTE_FORM.fullmatch(url)
        if parts is None:
            raise h11.RemoteProtocolError("the target is neither a path nor an absolute URL")
        others = [header for header in self.headers if header[0] != b"host"]
        self.headers = [(b"host", parts["authority"]), *others]
        self.target = b"/" + parts["path"]
