"""What becomes of the response that a WSGI application returns, and of one that fails to."""

import asyncio
from collections.abc import Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from serving import AWAIT, Bridge
from tests.serving.call import Answer, Call, answer_of


class Response:
    """An iterable of `chunks`, one of which may be an exception; counts what happens to it."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self.chunks = chunks
        self.given = 0
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            self.given += 1
            yield chunk

    def close(self) -> None:
        self.closed += 1


def bridge_to(response: Any, *headers: tuple[str, str], status: str = "200 OK") -> Bridge:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        start_response(status, list(headers))
        return response

    return Bridge(application)


CHUNKS = {
    "whole": ([b"abc"], [("Content-Length", "3")]),
    "whole, in parts": ([b"a", b"bc"], [("Content-Length", "3")]),
    "whole, but begins with nothing": ([b"", b"abc"], [("Content-Length", "3")]),
    "stream": ([b"a", b"", b"bc"], []),
    "stream of one": ([b"abc"], []),
}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("version", ["1.0", "1.1", "2"])
@pytest.mark.parametrize(("chunks", "headers"), CHUNKS.values(), ids=CHUNKS)
async def test_sends_the_response_and_closes_it_once(
    chunks: list[bytes], headers: list[tuple[str, str]], version: str
) -> None:
    response = Response(*chunks)
    answer = await answer_of(bridge_to(response, *headers), version=version)
    assert answer == Answer(200, [(k.lower(), v) for k, v in headers], b"abc", complete=True)
    assert response.closed == 1


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("status", "headers"),
    [("204 No Content", []), ("304 Not Modified", [("ETag", '"1"')]), ("200 OK", [])],
)
async def test_closes_an_answer_without_a_body(status: str, headers: list[tuple[str, str]]) -> None:
    response = Response()
    answer = await answer_of(bridge_to(response, *headers, status=status), method="HEAD")
    assert (answer.status, answer.body, answer.complete) == (int(status[:3]), b"", True)
    assert response.closed == 1


@pytest.mark.usefixtures("quiet")
async def test_a_head_keeps_the_length_that_get_would_have() -> None:
    answer = await answer_of(bridge_to([], ("Content-Length", "3")), method="HEAD")
    assert answer == Answer(200, [("content-length", "3")], b"", complete=True)


@pytest.mark.usefixtures("quiet")
async def test_sends_no_more_than_the_whole_that_was_declared() -> None:
    response = Response(b"abc", b"def")
    answer = await answer_of(bridge_to(response, ("Content-Length", "3")))
    assert answer.body == b"abc"
    assert response.given == 1
    assert response.closed == 1


@pytest.mark.usefixtures("quiet")
async def test_a_generator_function_may_be_an_application() -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [])
        yield body
        yield environ[AWAIT](asyncio.sleep(0, b" and more"))

    answer = await answer_of(Bridge(application), b"echo", method="POST")
    assert answer.body == b"echo and more"


async def test_closes_a_stream_that_fails_and_sends_no_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = Response(b"abc", KeyError("colour"))
    call = Call(bridge_to(response))
    call.client_sends()
    with pytest.raises(KeyError, match="colour"):
        await call.ended()
    assert [message.get("body") for message in call.sent] == [None, b"abc"]
    assert call.sent[-1]["more_body"]
    assert response.closed == 1
    assert not caplog.records  # the server logs it


async def test_answers_for_a_stream_that_fails_before_its_first_chunk(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = Response(KeyError("colour"))
    answer = await answer_of(bridge_to(response, ("X-Secret", "1")))
    assert answer.status == 500
    assert answer.header("x-secret") is None
    assert b"Internal Server Error" in answer.body
    assert response.closed == 1
    assert [type(r.exc_info and r.exc_info[1]) for r in caplog.records] == [KeyError]


async def test_fails_only_after_a_failing_close() -> None:
    class Unclosable(Response):
        def close(self) -> None:
            super().close()
            raise KeyError("colour")

    response = Unclosable(b"abc")
    call = Call(bridge_to(response))
    call.client_sends()
    with pytest.raises(KeyError, match="colour"):
        await call.ended()
    assert response.closed == 1
    assert call.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


@pytest.mark.usefixtures("quiet")
async def test_closes_a_stream_that_the_server_cancels() -> None:
    response = Response(*[b"abc"] * 3)
    call = Call(bridge_to(response))
    call.reading.clear()
    call.client_sends()
    assert (await call.next_sent())["type"] == "http.response.start"
    call.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call.ended()
    assert response.closed == 1
