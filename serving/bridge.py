"""Run a WSGI application under ASGI; its coroutines are awaited on the server's own event loop.

asgiref's WsgiToAsgi runs one request at a time per process, in a thread. This subclass lets
asgiref build the environ, but runs the WSGI call in a greenlet, so that requests can wait
concurrently.
"""

import asyncio
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from itertools import chain
from typing import Any, cast
from wsgiref.types import WSGIApplication, WSGIEnvironment

from asgiref.wsgi import WsgiToAsgi, WsgiToAsgiInstance
from werkzeug.exceptions import ClientDisconnected, InternalServerError

from serving.asgi import Message, Receive, Scope, Send
from serving.drain import STOPPING
from serving.greenlets import run_in_greenlet, wait_for
from serving.lifespan import run_lifespan
from serving.request import RequestBody, clean
from serving.websocket import refuse_websocket

AWAIT = "serving.await"
"""The environ's key for a function that waits for an awaitable and returns its result."""

DRAIN_LIMIT = 8 * 1024 * 1024
"""The bytes of an unread body that are read and dropped before the response is sent."""
DRAIN_TIMEOUT = 1.0
"""The maximum seconds for that: a refusal must not wait for a body that may never end."""

log = logging.getLogger(__name__)


class Bridge(WsgiToAsgi):
    """The ASGI application around `wsgi_application`.

    `lifespan` is entered at startup and left at shutdown. `body_timeout`: the seconds, from its
    first read, in which a request's body must arrive. `drain_timeout`: see DRAIN_TIMEOUT.
    `failure` responds if the application raises an exception instead.
    """

    def __init__(
        self,
        wsgi_application: WSGIApplication,
        *,
        lifespan: AbstractAsyncContextManager[object] | None = None,
        body_timeout: float = 30,
        drain_timeout: float = DRAIN_TIMEOUT,
        failure: WSGIApplication | None = None,
    ) -> None:
        super().__init__(wsgi_application)
        self.lifespan = lifespan or nullcontext()
        self.body_timeout = body_timeout
        self.drain_timeout = drain_timeout
        self.failure = failure or InternalServerError()
        self._unread: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await Exchange(self, scope, receive, send).run()
            case "websocket":
                await refuse_websocket(self, scope, receive, send)
            case "lifespan":
                await run_lifespan(self.lifespan, receive, send)
            case other:
                # The specification requires this for unknown protocols.
                raise ValueError(f"the scope type {other!r} is not supported")

    def drop_rest(self, body: RequestBody) -> None:
        """Keep reading and dropping `body` until the server reports that its client has left.

        Hypercorn reports it through a queue of ten messages, and waits for room in the queue even
        when it is cancelled: without this, an unread body can keep the process from ending.
        """
        task = asyncio.ensure_future(body.disconnected())
        self._unread.add(task)
        task.add_done_callback(self._unread.discard)


class Exchange(WsgiToAsgiInstance):
    """One request and its response."""

    def __init__(self, bridge: Bridge, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(bridge.wsgi_application, duplicate_header_limit=None)
        self.bridge = bridge
        headers = clean(scope["headers"])
        self.scope = {**scope, "headers": headers, "query_string": b""}
        self.query_string: bytes = scope.get("query_string", b"")
        self.multiplexed = not scope["http_version"].startswith("1")
        self.body = RequestBody(scope["http_version"], headers, receive, bridge.body_timeout)
        self.send = send
        self.cancelled = False
        self.head: Message | None = None
        self.headed = False
        self.content_length: int | None = None

    async def run(self) -> None:
        self.task = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            await run_in_greenlet(self._call_application)
        except ClientDisconnected:
            pass  # The client that would get the response has left.
        except asyncio.CancelledError:
            # Either our own watcher has cancelled the task, or the server, which must see it.
            if not self.cancelled or self.task.uncancel():
                raise
        finally:
            if not self.body.over:
                self.bridge.drop_rest(self.body)

    def build_environ(self, scope: Scope, body: RequestBody) -> WSGIEnvironment:
        """Return asgiref's environ, with the query as latin-1 (PEP 3333) and our own keys."""
        # The buffer makes read(n) wait for n bytes, as callers of read(CONTENT_LENGTH) expect.
        environ: WSGIEnvironment = super().build_environ(scope, io.BufferedReader(body))
        if not f"{scope['path']}/".startswith(f"{scope.get('root_path', '')}/"):
            # asgiref takes the start of /apix for the root path /api.
            environ["PATH_INFO"] = scope["path"].encode().decode("latin-1")
        environ["QUERY_STRING"] = self.query_string.decode("latin-1")
        # The server's messages end where the body ends, with or without a Content-Length.
        environ["wsgi.input_terminated"] = True
        environ["wsgi.multithread"] = False
        environ[AWAIT] = wait_for
        environ[STOPPING] = scope.get(STOPPING, False)
        return environ

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """WSGI's start_response. Once the head is sent, an `exc_info` is raised again."""
        if exc_info and self.headed:
            raise exc_info[1].with_traceback(exc_info[2])
        if self.head is not None and not exc_info:
            raise RuntimeError("start_response was called a second time, without exc_info")
        code = int(status.split(" ", 1)[0])
        encoded = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers]
        length = 0 if code in {204, 304} else dict(encoded).get(b"content-length")
        self.content_length = None if length is None else int(length)
        self.head = {"type": "http.response.start", "status": code, "headers": encoded}
        return write_is_unsupported

    def _call_application(self) -> None:
        environ = self.build_environ(self.scope, self.body)
        try:
            self._respond(self.wsgi_application(environ, self.start_response))
        except Exception as error:
            if self.headed or isinstance(error, ClientDisconnected):
                raise
            log.exception("the application raised instead of answering")
            self.head = None
            self._respond(self.bridge.failure(environ, self.start_response))

    def _respond(self, response: Iterable[bytes]) -> None:
        try:
            chunks = iter(response)
            streamed = self.head is not None and self.content_length is None
            if not streamed:
                # A generator function starts here, so it may read the body only now.
                first = next(chunks, None)
                streamed = first is not None and len(first) != self.content_length
                chunks = chain([first or b""], chunks if streamed else ())
            if not (self.body.complete or self.body.withheld):
                wait_for(self.body.drain(DRAIN_LIMIT, seconds=self.bridge.drain_timeout))
            if self.body.client_left:
                raise ClientDisconnected
            if streamed or self.multiplexed or not self.body.complete:
                self._send_watching(chunks, cancellable=streamed or self.multiplexed)
            else:
                wait_for(self._send(next(chunks), more=False))
        finally:
            close = getattr(response, "close", None)
            if close is not None:
                close()

    async def _send(self, chunk: bytes, *, more: bool) -> None:
        """Send `chunk`, after the head if it is the first one."""
        if self.head is None:
            raise RuntimeError("the application sent a body before it called start_response")
        try:
            if not self.headed:
                if not self.body.complete and not self.multiplexed:
                    # The rest of the body would be parsed as the next request.
                    self.head["headers"].append((b"connection", b"close"))
                await self.send(self.head)
                self.headed = True
            await self.send({"type": "http.response.body", "body": chunk, "more_body": more})
        except OSError as error:
            raise ClientDisconnected from error

    def _send_watching(self, chunks: Iterator[bytes], *, cancellable: bool) -> None:
        """Read the server's messages while sending; end a stream whose client has left.

        The rest of an unread body must be read, or Hypercorn waits for room in its queue and never
        closes. A response in one piece over HTTP/1.1 is not cancelled, because the client may have
        closed only its sending side. Over HTTP/2 it must be cancelled: Hypercorn would wait for
        the window of a closed connection.
        """

        async def watch() -> None:
            await self.body.disconnected()
            if cancellable:
                self.cancelled = True
                self.task.cancel()

        watcher = asyncio.ensure_future(watch())
        try:
            # The head is sent with the first chunk, so an earlier failure can still get a response.
            for chunk in chain([next(chunks, b"")], chunks):
                wait_for(self._send(chunk, more=True))
            # If the server ended the response before the request's body has ended, the rest of the
            # body would break the other streams of the connection (HTTP/2, Hypercorn #329), or the
            # system would reset the connection before the client has read the response (HTTP/1.1).
            wait_for(self.body.ended())
            wait_for(self._send(b"", more=False))
        finally:
            watcher.cancel()


def write_is_unsupported(data: bytes) -> object:
    """WSGI's write(), which PEP 3333 keeps only for old applications."""
    raise NotImplementedError("return an iterable instead of calling write()")
