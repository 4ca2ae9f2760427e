"""A WSGI application as an ASGI one, its coroutines awaited on the server's own event loop.

asgiref's WsgiToAsgi runs one request at a time per process, in a thread. This subclass lets
asgiref build the environ and runs the WSGI call in a greenlet instead, so that requests wait
side by side, and the application finds in `environ[AWAIT]` the function that waits for a
coroutine. What else the stock wrapper gets wrong, and this one right, is tested in
tests/serving/test_bridge.py.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from itertools import chain
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from asgiref.wsgi import WsgiToAsgi, WsgiToAsgiInstance
from werkzeug.exceptions import InternalServerError

from serving.asgi import Message, Receive, Scope, Send
from serving.body import RequestBody
from serving.greenlets import run_in_greenlet, wait_for
from serving.lifespan import run_lifespan
from serving.websocket import refuse_websocket

AWAIT = "serving.await"
"""The environ's key for a function that waits for an awaitable and returns its result."""

DRAIN_LIMIT = 8 * 1024 * 1024

log = logging.getLogger(__name__)


class Bridge(WsgiToAsgi):
    """The ASGI application around `wsgi_application`.

    `lifespan` is entered at startup and left at shutdown. `body_timeout`: seconds within which a
    request's body must have come. `failure` answers in place of an application that raised
    instead of answering.
    """

    def __init__(
        self,
        wsgi_application: WSGIApplication,
        *,
        lifespan: AbstractAsyncContextManager[object] | None = None,
        body_timeout: float = 30,
        failure: WSGIApplication | None = None,
    ) -> None:
        super().__init__(wsgi_application, duplicate_header_limit=None)
        self.lifespan = lifespan or nullcontext()
        self.body_timeout = body_timeout
        self.failure = failure or InternalServerError()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await Exchange(self, scope, receive, send).run()
            case "websocket":
                await refuse_websocket(self, scope, receive, send)
            case "lifespan":
                await run_lifespan(self.lifespan, receive, send)


class Exchange(WsgiToAsgiInstance):
    """One request and its response."""

    def __init__(self, bridge: Bridge, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(bridge.wsgi_application)
        self.failure = bridge.failure
        self.scope = {**scope, "headers": clean(scope["headers"]), "query_string": b""}
        self.query_string: bytes = scope["query_string"]
        self.body = RequestBody(receive, timeout=bridge.body_timeout)
        self.send = send
        self.client_left = False
        self.head: Message | None = None
        self.content_length: int | None = None

    async def run(self) -> None:
        try:
            await run_in_greenlet(self._call_application)
        except asyncio.CancelledError:
            # Our own watcher's, or the server's, which has to see it.
            task = asyncio.current_task()
            if not self.client_left or (task and task.uncancel()):
                raise

    def build_environ(self, scope: Scope, body: RequestBody) -> WSGIEnvironment:
        """What asgiref builds, with the query as latin-1 (PEP 3333) and what else we offer."""
        environ: WSGIEnvironment = super().build_environ(scope, body)
        environ["QUERY_STRING"] = self.query_string.decode("latin-1")
        # The server's messages end where the body ends, with or without a Content-Length.
        environ["wsgi.input_terminated"] = True
        environ["wsgi.multithread"] = False
        environ[AWAIT] = wait_for
        return environ

    def start_response(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: Any = None,
    ) -> Callable[[bytes], object]:
        """WSGI's start_response. Once the head is sent, an `exc_info` is raised again."""
        if exc_info and self.headed:
            raise exc_info[1].with_traceback(exc_info[2])
        encoded = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers]
        self.content_length = next((int(v) for k, v in encoded if k == b"content-length"), None)
        self.head = {
            "type": "http.response.start",
            "status": int(status.split(" ", 1)[0]),
            "headers": encoded,
        }
        return write_is_unsupported

    def _call_application(self) -> None:
        environ = self.build_environ(self.scope, self.body)
        try:
            self._respond(self.wsgi_application(environ, self.start_response))
        except Exception:
            if self.headed:
                raise
            log.exception("the application raised instead of answering")
            self._respond(self.failure(environ, self.start_response))

    def _respond(self, response: Iterable[bytes]) -> None:
        try:
            chunks = iter(response)
            first = next(chunks, None)
            wait_for(self.body.drain(DRAIN_LIMIT))
            whole = first is None or len(first) == self.content_length
            if whole and self.body.complete:
                wait_for(self._send_whole(first or b""))
            else:
                self._send_chunks(chain([first or b""], chunks), cancellable=not whole)
        finally:
            close = getattr(response, "close", None)
            if close is not None:
                close()

    async def _send_head(self) -> None:
        if self.head is None:
            raise RuntimeError("the application sent a body before it called start_response")
        if not self.body.complete and self.scope["http_version"].startswith("1"):
            # What is left of the body would be taken for the next request.
            self.head["headers"].append((b"connection", b"close"))
        self.headed = True
        await self.send(self.head)

    async def _send_whole(self, body: bytes) -> None:
        await self._send_head()
        await self.send({"type": "http.response.body", "body": body})

    def _send_chunks(self, chunks: Iterable[bytes], *, cancellable: bool) -> None:
        with self._watching_client(cancellable=cancellable):
            wait_for(self._send_head())
            for chunk in chunks:
                wait_for(self._send_chunk(chunk, more=True))
            wait_for(self._send_chunk(b"", more=False))

    async def _send_chunk(self, chunk: bytes, *, more: bool) -> None:
        await self.send({"type": "http.response.body", "body": chunk, "more_body": more})

    @contextmanager
    def _watching_client(self, *, cancellable: bool) -> Iterator[None]:
        """Take the server's messages while we send; end a stream whose client has left.

        An answer that is there already is never cancelled, but the rest of an unread body must
        be taken all the same, or Hypercorn waits for room in its queue and never closes.
        """
        task = asyncio.current_task()

        async def watch() -> None:
            await self.body.disconnected()
            if cancellable and task is not None:
                self.client_left = True
                task.cancel()

        watcher = asyncio.ensure_future(watch())
        try:
            yield
        finally:
            watcher.cancel()


def clean(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers as CGI's variables can carry them.

    Names with an underscore are dropped, since `X_Request_ID` would pass for `X-Request-ID`;
    HTTP/2's split Cookie headers are joined by a semicolon (RFC 9113 §8.2.3).
    """
    kept = [(k, v) for k, v in headers if b"_" not in k and k != b"cookie"]
    cookies = b"; ".join(v for k, v in headers if k == b"cookie")
    return [*kept, (b"cookie", cookies)] if cookies else kept


def write_is_unsupported(data: bytes) -> object:
    """WSGI's write(), which PEP 3333 keeps for applications older than it."""
    raise NotImplementedError("return an iterable instead of calling write()")
