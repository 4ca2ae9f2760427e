"""How responses change when the server is about to stop."""

import asyncio
import contextlib

from serving.asgi import Application, Message, Receive, Scope, Send

STOPPING = "serving.stopping"
"""The key, of the scope and of the environ, for whether the server is about to stop."""

CLOSE = (b"connection", b"close")
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Drain:
    """ASGI middleware with two switches, which the runner turns on one after the other.

    `stopping`: the application can see it, and may report that it is not ready. `close()`:
    responses over HTTP/1.1 have `Connection: close`, and event streams end. Other streamed
    responses are not ended, because a client would take half a file with a proper end for the
    whole. An event stream has no natural end, and its client reconnects by itself.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.stopping = False
        self._closing = False
        self._event_streams: set[asyncio.Timeout] = set()

    def close(self) -> None:
        self._closing = True
        for stream in self._event_streams:
            end_now(stream)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        scope = {**scope, STOPPING: self.stopping}
        answer = Answer(self, send, multiplexed=not scope["http_version"].startswith("1"))
        try:
            async with answer.limit:
                await self.application(scope, receive, answer.send)
        except TimeoutError:
            if not answer.limit.expired():
                raise
            if not answer.complete:
                with contextlib.suppress(OSError):  # the client has left meanwhile
                    await send(END)
        finally:
            self._event_streams.discard(answer.limit)

    def prepare(self, head: Message, limit: asyncio.Timeout, *, multiplexed: bool) -> Message:
        """Return the head to send for a response; `limit` can end its event stream from now on."""
        headers = list(head.get("headers", ()))
        if is_event_stream(headers):
            self._event_streams.add(limit)
            if self._closing:
                end_now(limit)
        if self._closing and not multiplexed:
            headers.append(CLOSE)
        return {**head, "headers": headers}


class Answer:
    """One response that is being sent. `limit`: the timeout under which the application runs."""

    def __init__(self, drain: Drain, send: Send, *, multiplexed: bool) -> None:
        self.limit = asyncio.timeout(None)
        self.complete = False
        self._drain = drain
        self._send = send
        self._multiplexed = multiplexed

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = self._drain.prepare(message, self.limit, multiplexed=self._multiplexed)
        elif message["type"] == "http.response.body":
            self.complete = not message.get("more_body", False)
        await self._send(message)


def end_now(limit: asyncio.Timeout) -> None:
    limit.reschedule(asyncio.get_running_loop().time())


def is_event_stream(headers: list[tuple[bytes, bytes]]) -> bool:
    return dict(headers).get(b"content-type", b"").startswith(b"text/event-stream")
