"""Applications that raise instead of answering, or don't keep to WSGI."""

import logging
import sys
from collections.abc import Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest
from flask import Response

from api.observability.metrics import Metrics
from api.observability.request_log import RequestLog
from api.runtime.async_flask import AsyncFlask
from api.runtime.proxies import TrustedProxies
from serving import Bridge
from tests.conftest import bridged
from tests.live import served
from tests.serving.call import Answer, Call, answer_of
from tests.serving.wire import Http1

pytestmark = pytest.mark.no_database

ORIGIN = "http://localhost:3000"


def failed(answer: Answer, caplog: pytest.LogCaptureFixture, error: type[Exception]) -> bool:
    """Whether the answer is a plain 500, and the error was logged with its traceback, once."""
    logged = [record.exc_info[0] for record in caplog.records if record.exc_info]
    return (answer.status, answer.complete, logged) == (500, True, [error])


async def test_answers_for_an_application_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        raise KeyError("colour")

    answer = await answer_of(Bridge(application))
    assert failed(answer, caplog, KeyError)
    assert b"colour" not in answer.body


async def test_answers_for_a_body_without_start_response(caplog: pytest.LogCaptureFixture) -> None:
    answer = await answer_of(Bridge(lambda environ, start_response: [b"abc"]))
    assert failed(answer, caplog, RuntimeError)
    assert "before it called start_response" in caplog.text


async def test_refuses_write(caplog: pytest.LogCaptureFixture) -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])(b"abc")
        raise AssertionError

    assert failed(await answer_of(Bridge(application)), caplog, NotImplementedError)


async def test_refuses_a_second_start_response(caplog: pytest.LogCaptureFixture) -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("X-First", "1")])
        start_response("404 Not Found", [])
        raise AssertionError

    answer = await answer_of(Bridge(application))
    assert failed(answer, caplog, RuntimeError)
    assert answer.header("x-first") is None


@pytest.mark.usefixtures("quiet")
async def test_takes_a_second_start_response_with_exc_info_before_the_head_is_sent() -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "3"), ("X-First", "1")])
        try:
            raise KeyError("colour")
        except KeyError:
            start_response("502 Bad Gateway", [("Content-Length", "5")], sys.exc_info())
        return [b"sorry"]

    answer = await answer_of(Bridge(application))
    assert answer == Answer(502, [("content-length", "5")], b"sorry", complete=True)


async def test_raises_exc_info_again_once_the_head_is_sent() -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"abc"
        try:
            raise KeyError("colour")
        except KeyError:
            start_response("502 Bad Gateway", [], sys.exc_info())

    call = Call(Bridge(application))
    call.client_sends()
    with pytest.raises(KeyError, match="colour"):
        await call.ended()
    assert [message.get("status") for message in call.sent] == [200, None]


@pytest.mark.parametrize("headers", [[("X-Price", "5 €")], [("Content-Length", "many")]])
async def test_answers_for_headers_that_cannot_be_sent(
    headers: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", headers)
        raise AssertionError

    answer = await answer_of(Bridge(application))
    assert answer.status == 500
    assert len(caplog.records) == 1


async def test_answers_for_headers_that_the_server_refuses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [("X-Two", "a\nb")])
        return []

    class Strict(Call):
        async def _send(self, message: Any) -> None:
            if any(b"\n" in value for _, value in message.get("headers", [])):
                raise ValueError("illegal header")
            await super()._send(message)

    call = Strict(Bridge(application))
    call.client_sends()
    assert failed(await call.answer(), caplog, ValueError)


async def test_raises_when_the_answer_to_a_failure_fails() -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        raise KeyError("colour")

    def failure(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        raise IndexError("shape")

    call = Call(Bridge(application, failure=failure))
    call.client_sends()
    with pytest.raises(IndexError, match="shape"):
        await call.ended()
    assert call.sent == []


async def test_a_failure_outside_of_flask_is_a_problem_like_any_other(
    app: AsyncFlask, caplog: pytest.LogCaptureFixture
) -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        raise KeyError("colour")

    bridge = bridged(app)
    bridge.wsgi_application = RequestLog(
        application, app.services[Metrics], TrustedProxies(), headers={}
    )
    transport = httpx.ASGITransport(bridge)
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        headers = {"Origin": ORIGIN, "X-Request-ID": "abc"}
        response = await client.post("/api/gizmos", json={}, headers=headers)
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["X-Request-ID"] == response.json()["request_id"] == "abc"
    assert response.json()["type"] == "/errors/internal-error"
    assert "colour" not in response.text
    assert [r.exc_info[0] for r in caplog.records if r.exc_info] == [KeyError]


async def test_a_failure_inside_of_flask_is_logged_once_too(
    app: AsyncFlask, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> str:
        raise KeyError("colour")

    app.add_url_rule("/fail", view_func=fail)
    response = await client.get("/fail", headers={"Origin": ORIGIN, "X-Request-ID": "abc"})
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["X-Request-ID"] == response.json()["request_id"] == "abc"
    assert [r.name for r in caplog.records if r.levelno >= logging.ERROR] == ["api.http.errors"]


@pytest.mark.usefixtures("quiet")
async def test_teardown_and_call_on_close_run_once(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    steps = []

    async def respond() -> Response:
        response = Response("text")
        response.call_on_close(lambda: steps.append("closed"))
        return response

    app.add_url_rule("/respond", view_func=respond)
    app.teardown_request(lambda error: steps.append(f"teardown after {error}"))
    assert (await client.get("/respond")).text == "text"
    assert steps == ["teardown after None", "closed"]
    assert (await client.head("/respond")).headers["Content-Length"] == "4"
    assert steps[2:] == ["teardown after None", "closed"]


@pytest.mark.parametrize(
    "header",
    [
        *(("X-A", f"b{c}X-B: d") for c in ("\r\n", "\n", "\r", "\0", "\v", "\f")),
        *((name, "b") for name in ("", "X A", "X-A:", "X-A,B", "X-A\r\nX-B", "X-\xe4", "X-A\0")),
    ],
)
async def test_an_illegal_header_of_a_response_is_not_sent(header: tuple[str, str]) -> None:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [header])
        return [b"abc"]

    async with served(Bridge(application)) as address, Http1.connect(address) as client:
        await client.request("GET /")
        response = await client.response()
    assert response.status == 500
    assert response.headers.keys() <= {"content-type", "content-length", "date", "connection"}
