"""Strict HTTP/1.1 (RFC 9112): h11 and Hypercorn are lenient where a proxy may parse differently.

Request smuggling exploits a request that can be parsed in two ways. So a request that no client
that follows the RFC would send is answered with 400, and the connection is closed.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, cast

import h11
from h11._receivebuffer import ReceiveBuffer  # h11 has no public way to replace its rules
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h11 import H2ProtocolAssumedError, H11Protocol
from hypercorn.typing import AppWrapper, H11SendableEvent

from serving.asgi import Message, Receive, Scope, Send
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

VERSIONS = (b"1.0", b"1.1")
OTHER_FORMS = {(b"OPTIONS", b"*")}
ABSOLUTE_FORM = re.compile(
    rb"https?://(?P<authority>[^/?#@]+)(?:/|(?=\?)|$)(?P<path>[^#]*)", re.IGNORECASE
)


class StrictBuffer(ReceiveBuffer):
    """The unparsed input. Raises h11.LocalProtocolError, as h11's parser does.

    Its methods replace h11's private ones, which accept what ILLEGAL finds, and a head of any size
    that arrives at once.
    """

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
    """h11's parser, strict. HTTP/2's preface raises H2ProtocolAssumedError where it is allowed."""

    def __init__(self, config: ServerConfig) -> None:
        max_head = config.h11_max_incomplete_size
        super().__init__(h11.SERVER, max_incomplete_event_size=max_head)
        self._receive_buffer = StrictBuffer(max_head)  # private: h11 has no argument for it
        self._http2_cleartext = config.http2_cleartext
        self.client_left = False

    # Otherwise Hypercorn would ask for the body before the application has seen the request.
    they_are_waiting_for_100_continue = False

    @property
    def awaits_continue(self) -> bool:
        return super().they_are_waiting_for_100_continue

    def next_event(self) -> Any:
        if self.client_left:
            return h11.NEED_DATA  # otherwise Hypercorn waits forever for the rest of a pipeline
        received = self._receive_buffer
        if self.their_state in {h11.MUST_CLOSE, h11.CLOSED}:
            # RFC 9112 §9.6: what follows the last request is ignored; h11 would fail the request.
            received.maybe_extract_at_most(len(received))
            return h11.NEED_DATA
        if self.their_state is h11.IDLE:
            # RFC 9112 §2.2: some clients send an empty line after a body.
            if received._data.startswith(b"\r\n"):
                received.maybe_extract_at_most(2)
            elif received._data == b"\r":
                return h11.NEED_DATA
        event = super().next_event()
        return self._checked(event) if isinstance(event, h11.Request) else event

    def _checked(self, request: h11.Request) -> h11.Request:
        if request.http_version not in VERSIONS:
            if self._http2_cleartext and (request.method, request.target) == (b"PRI", b"*"):
                raise H2ProtocolAssumedError(b"PRI * HTTP/2.0\r\n\r\n" + self.trailing_data[0])
            raise h11.RemoteProtocolError("not HTTP/1.1", error_status_hint=505)
        if b"#" in request.target:
            raise h11.RemoteProtocolError("the target has a fragment")
        names = {name for name, _ in request.headers}
        if b"transfer-encoding" in names and (
            b"content-length" in names or request.http_version == b"1.0"
        ):
            raise h11.RemoteProtocolError("the body's length is ambiguous (RFC 9112 §6.1)")
        if b"upgrade" in names:
            # RFC 9110 §7.8 allows us to ignore it. Hypercorn would keep the connection of a
            # malformed WebSocket handshake forever.
            request = changed(request, [h for h in request.headers if h[0] != b"upgrade"])
        if request.target.startswith(b"/") or (request.method, request.target) in OTHER_FORMS:
            return request
        return request if request.method == b"CONNECT" else origin_form(request)


class Http1(H11Protocol):
    """Hypercorn's side of an HTTP/1.1 connection. It parses each request after `turn`."""

    def __init__(
        self,
        application: Any,
        config: ServerConfig,
        *rest: Any,
        turn: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(application, config, *rest)
        self.connection: StrictConnection = StrictConnection(config)
        self._application = application
        self._turn = turn
        self._has_turn = False
        self._method = ""
        self._head = b""

    @property
    def idle(self) -> bool:
        """Whether no request is in progress."""
        return self.stream is None

    @property
    def waits_for_client(self) -> bool:
        """Whether the client still has to send a request or the rest of one."""
        return self.idle or self.connection.their_state is h11.SEND_BODY

    async def handle(self, event: Event) -> None:
        if isinstance(event, Closed):
            self.connection.client_left = True
            await super().handle(event)
            await self.can_read.set()
            return
        if self.idle:
            await self._turn()
            self._has_turn = True
        await super().handle(event)

    async def _check_protocol(self, event: h11.Request) -> None:
        """Wait for the turn of a request that arrived together with the one before it; choose what
        handles it.

        It replaces Hypercorn's private method, which would switch to HTTP/2 for `Upgrade: h2c`.
        """
        if not self._has_turn:
            await self._turn()
        self._has_turn = False
        self._method = event.method.decode()
        is_plain = self._method.isupper() and not self.connection.awaits_continue
        self.app = self._application if is_plain else cast("AppWrapper", self._exactly)

    async def _exactly(
        self, scope: Scope, receive: Receive, send: Send, *threads: Callable[..., object]
    ) -> None:
        """Call the application with the method as it was sent, which Hypercorn has put into
        capitals, and send 100 Continue when it first reads the body."""
        scope["method"] = self._method  # in Hypercorn's own scope: `head` is not HEAD

        async def receive_after_continue() -> Message:
            if self.connection.awaits_continue:
                headers = self.config.response_headers("h11")
                await self._send_h11_event(
                    h11.InformationalResponse(status_code=100, headers=headers)
                )
            return await receive()

        await self._application(scope, receive_after_continue, send, *threads)

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        """Send the head of a response with the first piece of its body, in one system call, as
        ASGI recommends; and nothing where a response's end has no bytes of its own. It replaces
        Hypercorn's private method, which sends each part by itself."""
        try:
            data = self._head + (self.connection.send(event) or b"")
        except h11.LocalProtocolError:
            if self.connection.their_state != h11.ERROR:
                raise
            return
        self._head = data if isinstance(event, h11.Response) else b""
        if data and not self._head:
            await self.send(RawData(data))


def origin_form(request: h11.Request) -> h11.Request:
    """Turn a request for an absolute URL into one for its path, with the URL's authority as Host.

    RFC 9112 §3.2.2 requires a server to accept such a request and to ignore its Host header. Raises
    h11.RemoteProtocolError for any other target.
    """
    url = ABSOLUTE_FORM.fullmatch(request.target)
    if url is None:
        raise h11.RemoteProtocolError("the target is neither a path nor an absolute URL")
    headers = [(b"host", url["authority"]), *(h for h in request.headers if h[0] != b"host")]
    return changed(request, headers, target=b"/" + url["path"])


def changed(
    request: h11.Request, headers: list[tuple[bytes, bytes]], *, target: bytes | None = None
) -> h11.Request:
    """Return `request` with other headers, and another target if it is given."""
    return h11.Request(
        method=request.method,
        target=request.target if target is None else target,
        headers=headers,
        http_version=request.http_version,
    )
