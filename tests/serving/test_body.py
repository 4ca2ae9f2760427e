"""The request's body is read on demand, and only as far as requested, with every framing."""

import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from werkzeug.exceptions import ClientDisconnected, RequestTimeout

from serving import Bridge
from tests.live import served
from tests.serving.call import Answer, Call, answer_of
from tests.serving.wire import Http1, Http2

pytestmark = pytest.mark.usefixtures("quiet")

Read = Callable[[io.BufferedIOBase], Any]


class Reader:
    """An application that applies `read` to the request's input, and keeps what comes of it."""

    def __init__(self, read: Read) -> None:
        self.read = read
        self.environ: WSGIEnvironment = {}
        self.result: Any = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        self.environ = environ
        self.result = self.read(environ["wsgi.input"])
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


async def result_of(read: Read, *chunks: bytes) -> Any:
    reader = Reader(read)
    call = Call(Bridge(reader), method="POST")
    for chunk in chunks:
        call.client_sends(chunk, more=True)
    call.client_sends()
    assert (await call.answer()).body == b"ok"
    return reader.result


PIECES = (b"ab\n", b"", b"c", b"d\ne")


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda body: body.read(), b"ab\ncd\ne"),
        (lambda body: body.read(6), b"ab\ncd\n"),
        (lambda body: [body.read(2), body.read(4), body.read(9), body.read(1)],
         [b"ab", b"\ncd\n", b"e", b""]),
        (lambda body: body.read(0), b""),
        (lambda body: body.readline(), b"ab\n"),
        (lambda body: body.readline(2), b"ab"),
        (lambda body: body.readlines(), [b"ab\n", b"cd\n", b"e"]),
        (list, [b"ab\n", b"cd\n", b"e"]),
        (lambda body: [body.read(), body.read(), body.readline()], [b"ab\ncd\ne", b"", b""]),
    ],
)  # fmt: skip
async def test_reads_as_a_file_does(read: Read, expected: Any) -> None:
    assert await result_of(read, *PIECES) == expected


async def test_reads_a_body_of_many_small_messages() -> None:
    chunks = [bytes([n % 256]) for n in range(20_000)]
    assert await result_of(lambda body: body.read(), *chunks) == b"".join(chunks)


async def test_reads_a_large_body_in_pieces_of_any_size() -> None:
    chunks = [bytes([n % 256]) * 65_536 for n in range(16)]
    pieces = await result_of(lambda body: list(iter(lambda: body.read(10_007), b"")), *chunks)
    assert b"".join(pieces) == b"".join(chunks)
    assert {len(piece) for piece in pieces[:-1]} == {10_007}


async def test_an_empty_body_is_empty() -> None:
    assert await result_of(lambda body: body.read()) == b""


async def test_takes_no_message_before_it_is_asked_for_one() -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        taken.append(call.taken)
        environ["wsgi.input"].read(1)
        taken.append(call.taken)
        environ["wsgi.input"].read(3)
        taken.append(call.taken)
        start_response("200 OK", [("Content-Length", "0")])
        return []

    taken: list[int] = []
    call = Call(Bridge(application), method="POST")
    for chunk in (b"ab", b"cd", b"ef"):
        call.client_sends(chunk, more=True)
    call.client_sends(b"gh")
    await call.ended()
    assert taken == [0, 1, 2]


async def test_a_view_that_reads_no_body_is_called_before_it_has_come() -> None:
    called = asyncio.Event()

    def take_nothing(_: object) -> int:
        called.set()
        return call.taken

    reader = Reader(take_nothing)
    call = Call(Bridge(reader), method="POST")
    call.client_sends(b"abc", more=True)
    await called.wait()
    assert reader.result == 0
    assert call.sent == []
    call.client_sends(b"def")
    answer = await call.answer()
    assert answer.body == b"ok"
    assert answer.header("connection") is None


async def test_a_body_that_was_dropped_cannot_be_read() -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        try:
            environ["wsgi.input"].read()
        except RuntimeError as error:
            yield str(error).encode()

    answer = await answer_of(Bridge(application), b"abc", method="POST")
    assert answer.body == b"firstthe body can't be read any more once the response has begun"


async def test_an_empty_body_can_be_read_at_any_time() -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"first"
        yield environ["wsgi.input"].read() + b"last"

    assert (await answer_of(Bridge(application))).body == b"firstlast"


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (["Content-Length: 6"], [b"abc", b"def"]),
        (["Transfer-Encoding: chunked"], [b"3\r\nabc\r\n", b"3;x=y\r\ndef\r\n0\r\n\r\n"]),
        (["Transfer-Encoding: chunked"], [b"6\r\nabcdef\r\n0\r\nX-Trailer: 1\r\n\r\n"]),
        (["Content-Length: 6", "Expect: 100-continue"], [b"abcdef"]),
    ],
)
async def test_reads_every_framing_of_http1(headers: list[str], sent: list[bytes]) -> None:
    reader = Reader(lambda body: body.read())
    async with served(Bridge(reader)) as address, Http1.connect(address) as client:
        for _ in range(2):  # the connection can be used again
            await client.request("POST /", *headers)
            if "Expect: 100-continue" in headers:
                assert (await client.head()).status == 100
            for piece in sent:
                await client.send(piece)
            assert (await client.response()).body == b"ok"
            assert reader.result == b"abcdef"


async def test_reads_a_body_of_http2_without_a_length() -> None:
    reader = Reader(lambda body: body.read())
    async with served(Bridge(reader)) as address, Http2.connect(address) as client:
        stream = await client.open("POST /", end=False)
        await client.body(stream, b"abc")
        await client.body(stream, b"def", end=True)
        assert (await client.answer(stream)).body == b"ok"
        assert reader.result == b"abcdef"
        assert "CONTENT_LENGTH" not in reader.environ


def read_three_times(expected: type[Exception]) -> Read:
    def read(body: io.BufferedIOBase) -> int:
        for _ in range(3):
            with pytest.raises(expected):
                body.read()
        return 3

    return read


async def test_reading_raises_once_the_time_is_over() -> None:
    reader = Reader(read_three_times(RequestTimeout))
    call = Call(Bridge(reader, body_timeout=0.05), method="POST")
    call.client_sends(b"abc", more=True)
    answer = await call.answer()
    assert reader.result == 3
    # Its rest would be taken for another request.
    assert answer == Answer(
        200, [("content-length", "2"), ("connection", "close")], b"ok", complete=True
    )


async def test_reading_raises_once_the_client_has_left() -> None:
    reader = Reader(read_three_times(ClientDisconnected))
    call = Call(Bridge(reader), method="POST")
    call.client_sends(b"abc", more=True)
    call.client_leaves()
    await call.ended()
    assert reader.result == 3
    assert call.sent == []
