"""What changes in the answers of a server that is about to stop."""

from typing import Any

import pytest

from serving import Bridge
from serving.asgi import Message, Receive, Scope, Send
from serving.drain import STOPPING, Drain
from tests.serving.call import answer_of

pytestmark = pytest.mark.usefixtures("quiet")


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    body = str(scope[STOPPING]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def test_the_application_sees_that_the_server_is_stopping() -> None:
    drain = Drain(plain)
    assert (await answer_of(drain)).body == b"False"
    drain.stopping = True
    assert (await answer_of(drain)).body == b"True"


async def test_so_is_a_wsgi_application() -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [str(environ["serving.stopping"]).encode()]

    drain = Drain(Bridge(application))
    assert (await answer_of(drain)).body == b"False"
    drain.stopping = True
    assert (await answer_of(drain)).body == b"True"
    assert (await answer_of(Bridge(application))).body == b"False"


@pytest.mark.parametrize(("version", "close"), [("1.1", "close"), ("2", None)])
async def test_each_answer_over_http1_says_that_it_is_the_last(
    version: str, close: str | None
) -> None:
    drain = Drain(plain)
    assert (await answer_of(drain, version=version)).header("connection") is None
    drain.closing = True
    answer = await answer_of(drain, version=version)
    assert (answer.header("connection"), answer.header("x-a")) == (close, "1")


async def test_a_response_that_has_begun_is_not_changed() -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        drain.closing = True
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b", "more_body": False})

    drain = Drain(application)
    answer = await answer_of(drain)
    assert (answer.headers, answer.body, answer.complete) == ([], b"ab", True)


async def test_other_scopes_pass_through() -> None:
    seen = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append((scope, await receive()))

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        raise AssertionError(message)

    await Drain(application)({"type": "lifespan"}, receive, send)
    assert seen == [({"type": "lifespan"}, {"type": "lifespan.startup"})]
