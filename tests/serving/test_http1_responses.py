"""What an ASGI application sends, as HTTP/1.1 has it on the wire."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serving.asgi import Message, Receive, Scope, Send
from tests.live import served
from tests.serving.wire import Http1

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


def start(status: int = 200, **headers: str) -> Message:
    pairs = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


def body(data: bytes = b"", *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def sends(*messages: Message) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """An application that sends these, whatever it is asked; to /next it says "next"."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        whole = (start(content_length="4"), body(b"next"))
        for message in whole if scope["path"] == "/next" else messages:
            await send(message)

    return application


async def exchange(application: Any, request: bytes) -> tuple[dict[str, str], bytes]:
    """The response's headers, with its status, and what follows until the connection's end; NEXT
    is sent behind the request."""
    async with served(application) as address, Http1.connect(address) as client:
        await client.send(request + NEXT)
        head = await client.head()
        client.writer.write_eof()
        rest = await client.reader.read()
    return {**head.headers, "status": str(head.status)}, rest


ANSWERED = b"HTTP/1.1 200 \r\ncontent-length: 4\r\n"
"""How the response to NEXT begins."""


@pytest.mark.parametrize(
    ("request_", "messages", "sent"),
    [
        (GET, [start(content_length="3"), body(b"abc")], b"abc"),
        (GET, [start(content_length="3"), body(b"ab", more=True), body(b"c")], b"abc"),
        (GET, [start(content_length="0"), body()], b""),
        (GET, [start(), body(b"abc")], b"3\r\nabc\r\n0\r\n\r\n"),
        (GET, [start(), body(b"a", more=True), body(more=True), body()], b"1\r\na\r\n0\r\n\r\n"),
        (GET, [start(204), body(b"abc")], b""),
        (GET, [start(304, content_length="3"), body(b"abc")], b""),
        (GET.replace(b"GET", b"HEAD"), [start(content_length="3"), body(b"abc")], b""),
        (GET.replace(b"GET", b"HEAD"), [start(), body(b"abc")], b""),
    ],
)
async def test_a_response_is_framed_and_the_next_request_is_answered(
    request_: bytes, messages: list[Message], sent: bytes
) -> None:
    headers, rest = await exchange(sends(*messages), request_)
    assert headers["status"] == str(messages[0]["status"])
    assert ("transfer-encoding" in headers) is sent.endswith(b"0\r\n\r\n")
    assert "connection" not in headers
    assert rest.startswith(sent + ANSWERED)
    assert rest.endswith(b"\r\n\r\nnext")


@pytest.mark.parametrize(
    ("request_", "messages", "sent"),
    [
        (GET.replace(b"1.1", b"1.0"), [start(), body(b"ab", more=True), body(b"c")], b"abc"),
        (GET.replace(b"1.1", b"1.0"), [start(content_length="3"), body(b"abc")], b"abc"),
        (GET, [start(content_length="3", connection="close"), body(b"abc")], b"abc"),
        (GET.replace(b"\r\n\r\n", b"\r\nConnection: Close\r\n\r\n"), [start(204), body()], b""),
        (GET.replace(b"\r\n\r\n", b"\r\nConnection: te, close\r\n\r\n"), [start(204), body()], b""),
    ],
)
async def test_the_last_response_says_so_and_ends_the_connection(
    request_: bytes, messages: list[Message], sent: bytes
) -> None:
    headers, rest = await exchange(sends(*messages), request_)
    assert headers["connection"] == "close"
    assert rest == sent


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [start()],
        [start(), start()],
        [body(b"abc")],
        [start(x_a="b\r\nx-c: d"), body()],
        [start(content_length="abc"), body()],
        [start(content_length="3"), body(b"ab")],
        [start(content_length="3"), body(b"abcd")],
        [{"type": "http.response.trailers"}],
    ],
)
async def test_an_application_that_sends_no_response_is_answered_for(
    messages: list[Message], caplog: pytest.LogCaptureFixture
) -> None:
    headers, rest = await exchange(sends(*messages), GET)
    assert (headers["status"], headers["content-length"]) == ("500", "0")
    assert headers["connection"] == "close"
    assert rest == b""
    assert len(caplog.records) == (len(messages) > 0 and messages != [start()])


@pytest.mark.parametrize("last", [body(b"c"), body(b"cde", more=True), start()])
async def test_a_response_that_fails_after_its_beginning_is_cut_off(
    last: Message, caplog: pytest.LogCaptureFixture
) -> None:
    application = sends(start(content_length="4"), body(b"ab", more=True), last)
    headers, rest = await exchange(application, GET)
    assert (headers["status"], rest) == ("200", b"ab")
    assert len(caplog.records) == 1


async def test_what_is_sent_after_the_end_is_an_error_and_harms_no_other_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    _, rest = await exchange(sends(start(204), body(), body(b"abc")), GET)
    assert rest.startswith(ANSWERED)
    assert len(caplog.records) == 1


async def test_a_body_arrives_in_few_messages_however_small_its_chunks_are() -> None:
    received: list[Message] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        while not received or received[-1]["more_body"]:
            received.append(await receive())
        await send(start(204))
        await send(body())
        received.append(await receive())

    request = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with served(application) as address, Http1.connect(address) as client:
        await client.send(request + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n")
        assert (await client.head()).status == 204
    assert b"".join(message["body"] for message in received[:-1]) == b"a" * 1000
    assert len(received) <= 3
    assert received[-1] == {"type": "http.disconnect"}
