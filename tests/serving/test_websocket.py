"""WebSocket handshakes, which get the answer of the plain GET that they are."""

import asyncio
import json
from typing import Any

import pytest

from api.runtime.async_flask import AsyncFlask
from serving import Bridge
from serving.asgi import Message
from tests.conftest import bridged
from tests.live import HUNG, served
from tests.serving.call import scope_for
from tests.serving.observed import Observed
from tests.serving.wire import Http1, Http2

pytestmark = pytest.mark.usefixtures("quiet")

HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==",
)
RAW = "\r\n".join(["GET / HTTP/1.1", "Host: a", *HANDSHAKE, "", ""]).encode()


@pytest.mark.parametrize(
    ("path", "status", "content_type"),
    [
        ("/api/health", 200, "application/json"),
        ("/nope", 404, "application/problem+json"),
        ("/api/gizmos/nope", 404, "application/problem+json"),
    ],
)
async def test_a_handshake_gets_the_answer_of_the_plain_get(
    app: AsyncFlask, path: str, status: int, content_type: str
) -> None:
    bridge = Observed(bridged(app))
    async with served(bridge) as address, Http1.connect(address) as client:
        await client.request(f"GET {path}", *HANDSHAKE, "Origin: http://localhost:3000")
        response = await client.response()
        assert (response.status, response.headers["content-type"]) == (status, content_type)
        assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert set(json.loads(response.body)) >= {"status"}
        await client.request("GET /api/health")  # the connection is that of an ordinary request
        assert (await client.response()).status == 200
        await bridge.idle(after=2)


@pytest.mark.parametrize(
    "sent",
    [
        RAW,
        RAW + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        RAW.replace(b": 13", b": 12"),
        RAW.replace(b"Sec-WebSocket-Key", b"X-Key"),
        RAW.replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["valid", "and a request", "another version", "no key", "HTTP/1.0"],
)
async def test_no_handshake_keeps_its_connection_longer_than_another_request(sent: bytes) -> None:
    bridge = Observed(seen_by([]))
    async with (
        served(bridge, keep_alive_timeout=0.05) as address,
        Http1.connect(address) as client,
    ):
        await client.send(sent)
        requests = sent.count(b"GET ")
        for _ in range(requests):
            assert (await client.response()).body == b"ok"
        assert await client.closed()
        await bridge.idle(after=requests)


async def test_an_upgrade_of_another_method_is_ignored_too(app: AsyncFlask) -> None:
    async with served(bridged(app)) as address, Http1.connect(address) as client:
        json_type, length = "Content-Type: application/json", "Content-Length: 13"
        await client.request(
            "POST /api/gizmos", *HANDSHAKE, json_type, length, body=b'{"name": "a"}'
        )
        assert (await client.response()).status == 201


async def test_http2_offers_no_websockets() -> None:
    async with served(seen_by([])) as address, Http2.connect(address) as client:
        headers = [(":protocol", "websocket"), ("sec-websocket-version", "13")]
        stream = await client.open("CONNECT /", *headers)
        assert (await client.answer(stream)).status == 400
        assert client.h2.remote_settings.enable_connect_protocol == 0


async def handshake(bridge: Bridge, *messages: Message, **scope: Any) -> list[Message]:
    """What a server gets to see that sends `messages`."""
    requests: asyncio.Queue[Message] = asyncio.Queue()
    sent: list[Message] = []
    for message in messages:
        requests.put_nowait(message)

    async def send(message: Message) -> None:
        sent.append(message)

    async with asyncio.timeout(HUNG):
        await bridge({**scope_for(), "type": "websocket", **scope}, requests.get, send)
    return sent


CONNECT: Message = {"type": "websocket.connect"}
DISCONNECT: Message = {"type": "websocket.disconnect", "code": 1006}


def seen_by(environs: list[Any]) -> Bridge:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        environs.append(environ)
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    return Bridge(application)


@pytest.mark.parametrize("extensions", [{}, None])
async def test_is_closed_where_the_server_cannot_carry_an_answer(extensions: Any) -> None:
    environs: list[Any] = []
    sent = await handshake(seen_by(environs), CONNECT, extensions=extensions)
    assert sent == [{"type": "websocket.close"}]
    assert environs == []


@pytest.mark.parametrize(("scheme", "expected"), [("ws", "http"), ("wss", "https")])
async def test_is_a_get_request_to_the_application(scheme: str, expected: str) -> None:
    environs: list[Any] = []
    extensions: Any = {"websocket.http.response": {}}
    sent = await handshake(seen_by(environs), CONNECT, scheme=scheme, extensions=extensions)
    assert sent == [
        {
            "type": "websocket.http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"2")],
        },
        {"type": "websocket.http.response.body", "body": b"ok", "more_body": False},
    ]
    assert environs[0]["REQUEST_METHOD"] == "GET"
    assert environs[0]["wsgi.url_scheme"] == expected


async def test_a_client_that_leaves_during_the_handshake_is_not_answered() -> None:
    extensions: Any = {"websocket.http.response": {}}
    assert await handshake(seen_by([]), DISCONNECT, extensions=extensions) == []
