"""One request to an ASGI application, message by message, as a server would make it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from serving.asgi import Application, Message, Scope
from tests.live import HUNG

Headers = Iterable[tuple[bytes, bytes]]
Pairs = list[tuple[str, str]]


def scope_for(
    method: str = "GET",
    path: str = "/",
    headers: Headers = (),
    query: bytes = b"",
    version: str = "1.1",
    host: bytes | None = b"api.test",
    root_path: str = "",
) -> Scope:
    headers = [*([] if host is None else [(b"host", host)]), *headers]
    if method in {"POST", "PUT", "PATCH"} and b"content-length" not in dict(headers):
        headers.append((b"transfer-encoding", b"chunked"))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": version,
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": root_path,
        "query_string": query,
        "headers": headers,
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        "extensions": {},
    }


@dataclass
class Answer:
    status: int
    headers: Pairs
    body: bytes
    complete: bool
    """Whether the application said that there is no more."""

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers if k == name), None)


class Call:
    """The client's and the server's side of one exchange.

    `taken`: how many messages the application has received. `sent`: what it has sent so far.
    `reading`: whether the client reads; the application waits while it doesn't.
    """

    def __init__(self, application: Application, **scope: Any) -> None:
        self.taken = 0
        self.sent: list[Message] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self._requests: asyncio.Queue[Message] = asyncio.Queue()
        self._responses: asyncio.Queue[Message | None] = asyncio.Queue()
        self.task = asyncio.ensure_future(
            application(scope_for(**scope), self._receive, self._send)
        )
        self.task.add_done_callback(lambda _: self._responses.put_nowait(None))

    def client_sends(self, chunk: bytes = b"", *, more: bool = False) -> None:
        self._requests.put_nowait({"type": "http.request", "body": chunk, "more_body": more})

    def client_leaves(self) -> None:
        self._requests.put_nowait({"type": "http.disconnect"})

    async def next_sent(self) -> Message:
        """What the application sends next; raises what it raises in place of sending."""
        async with asyncio.timeout(HUNG):
            message = await self._responses.get()
            if message is None:
                await self.task
                raise EOFError("the application has ended")
            return message

    async def ended(self) -> None:
        """Wait until the application has returned; raises what it raises."""
        async with asyncio.timeout(HUNG):
            await self.task

    async def answer(self) -> Answer:
        """The whole answer, once the application has returned."""
        await self.ended()
        start, *rest = self.sent
        return Answer(
            start["status"],
            [(k.decode("latin-1"), v.decode("latin-1")) for k, v in start["headers"]],
            b"".join(message["body"] for message in rest),
            complete=not rest[-1].get("more_body", False),
        )

    async def _receive(self) -> Message:
        message = await self._requests.get()
        self.taken += 1
        return message

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        self._responses.put_nowait(message)
        await self.reading.wait()


async def answer_of(application: Application, body: bytes = b"", **scope: Any) -> Answer:
    """The answer to a request whose body comes in one piece."""
    call = Call(application, **scope)
    call.client_sends(body)
    return await call.answer()
