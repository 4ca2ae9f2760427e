"""Bodies that are too large, too slow or too short, sent to the real application."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Response as FlaskResponse

from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from serving.bridge import DRAIN_LIMIT
from tests.conftest import bridged
from tests.factory import settings_for
from tests.live import HUNG, served
from tests.serving.call import Call
from tests.serving.observed import Observed
from tests.serving.wire import Http1, Http2, Response

pytestmark = pytest.mark.usefixtures("quiet")

LIMIT = 1000
JSON = "Content-Type: application/json"
GIZMO = b'{"name": "First item"}'
CHUNK = 64 * 1024


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path, MAX_BODY_BYTES=str(LIMIT))


def is_problem(response: Response, status: int, slug: str) -> bool:
    problem: dict[str, Any] = json.loads(response.body)
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == response.headers["x-request-id"]
    return (response.status, problem["status"], problem["type"]) == (
        status,
        status,
        f"/errors/{slug}",
    )


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)


async def count_gizmos(address: str) -> int:
    async with httpx.AsyncClient(base_url=address) as client:
        return len((await client.get("/api/gizmos")).json()["gizmos"])


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
async def test_the_limit_is_the_same_for_both_framings(app: AsyncFlask, size: int) -> None:
    body = GIZMO.ljust(size)
    async with served(bridged(app)) as address, Http1.connect(address) as client:
        for headers, sent in [
            (f"Content-Length: {size}", body),
            ("Transfer-Encoding: chunked", chunked(body)),
        ]:
            await client.request("POST /api/gizmos", JSON, headers, body=sent)
            response = await client.response()
            if size > LIMIT:
                assert is_problem(response, 413, "content-too-large")
            else:
                assert response.status == 201
            # What was too much has been taken: the connection stays usable.
            assert "connection" not in response.headers
        assert await count_gizmos(address) == (0 if size > LIMIT else 2)


@pytest.mark.parametrize("declared", [True, False])
async def test_takes_no_more_of_a_body_than_the_limit_before_it_refuses(
    app: AsyncFlask, declared: bool
) -> None:
    """Each message is 64 KiB: the second one is taken only to be dropped."""
    size = f"{CHUNK * 3}".encode()
    headers = [(b"content-type", b"application/json"), (b"origin", b"http://localhost:3000")]
    taken = []

    @app.after_request
    def count(response: FlaskResponse) -> FlaskResponse:
        taken.append(call.taken)
        return response

    call = Call(
        bridged(app),
        method="POST",
        path="/api/gizmos",
        headers=[*headers, (b"content-length", size)] if declared else headers,
    )
    call.client_sends(b" " * CHUNK, more=True)
    call.client_sends(b" " * CHUNK, more=True)
    call.client_sends(b" " * CHUNK)
    answer = await call.answer()
    assert taken == [0 if declared else 1]
    assert (answer.status, call.taken) == (413, 3)
    assert answer.header("access-control-allow-origin") == "http://localhost:3000"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/gizmos", [JSON, f"Content-Length: {LIMIT + 1}"], 413),
        ("/api/gizmos", ["Content-Type: text/plain", "Transfer-Encoding: chunked"], 415),
        ("/api/users/me", [JSON, "Content-Length: 10"], 401),
        ("/nope", [JSON, "Content-Length: 10"], 404),
    ],
)
async def test_a_client_is_not_asked_for_a_body_that_is_refused(
    app: AsyncFlask, path: str, headers: list[str], status: int
) -> None:
    bridge = Observed(bridged(app))
    async with served(bridge) as address:
        async with Http1.connect(address) as client:
            method = "PATCH" if status == 401 else "POST"
            await client.request(f"{method} {path}", *headers, "Expect: 100-continue")
            response = await client.response()  # without 100 Continue before it
            assert (response.status, response.headers["connection"]) == (status, "close")
            client.writer.write_eof()
            assert await client.closed()
        await bridge.idle()


async def test_over_http2_too_a_body_is_asked_for_when_it_is_read_and_not_if_refused(
    app: AsyncFlask,
) -> None:
    """The refusal ends at once, though nothing more comes from the client."""
    json_type, expect = ("content-type", "application/json"), ("expect", "100-continue")
    async with served(bridged(app, body_timeout=HUNG)) as address, Http2.connect(address) as client:
        refused = await client.open(
            "POST /api/gizmos", json_type, expect, ("authorization", "Bearer x"), end=False
        )
        assert (await client.answer(refused)).status == 401
        taken = await client.open("POST /api/gizmos", json_type, expect, end=False)
        while not client.asked:
            await client.receive()
        await client.body(taken, b'{"name": "a"}', end=True)
        assert (await client.answer(taken)).status == 201
        at_once = await client.open("POST /api/gizmos", json_type, expect, end=False)
        await client.body(at_once, b'{"name": "b"}', end=True)
        assert (await client.answer(at_once)).status == 201
        assert client.asked <= {taken, at_once}


class Flood:
    """A request whose body never ends."""

    def __init__(self, client: Http1) -> None:
        self.client = client
        self.sent = 0

    async def send(self) -> None:
        await self.client.request("POST /api/gizmos", JSON, "Transfer-Encoding: chunked")
        while True:
            await self.client.send(b"%x\r\n%b\r\n" % (CHUNK, b" " * CHUNK))
            self.sent += CHUNK


async def test_a_client_that_never_stops_sending_is_answered(app: AsyncFlask) -> None:
    bridge = Observed(bridged(app, drain_timeout=HUNG))
    async with served(bridge) as address, Http1.connect(address) as client:
        flood = Flood(client)
        sending = asyncio.create_task(flood.send())
        response = await client.response()
        assert is_problem(response, 413, "content-too-large")
        assert response.headers["connection"] == "close"
        assert flood.sent >= DRAIN_LIMIT
        # What it still sends is dropped, since a cut connection would lose it the answer.
        assert bridge.running == 1
        sending.cancel()
        client.writer.close()
        await bridge.idle()


async def test_a_client_that_never_stops_sending_is_cut_off_in_the_end(app: AsyncFlask) -> None:
    bridge = Observed(bridged(app, body_timeout=0.05))
    async with served(bridge) as address, Http1.connect(address) as client:
        with pytest.raises(ConnectionError):
            await Flood(client).send()
        await bridge.idle()


@pytest.mark.parametrize("client_class", [Http1, Http2])
async def test_a_refusal_does_not_wait_for_a_body_that_never_ends(
    app: AsyncFlask, client_class: type[Http1 | Http2]
) -> None:
    async with (
        served(bridged(app, drain_timeout=0)) as address,
        client_class.connect(address) as client,
    ):
        if isinstance(client, Http2):
            stream = await client.open("POST /nowhere", ("content-length", "100"), end=False)
            await client.body(stream, b"{")
            response = client.responses[stream]
            while not response.body:
                await client.receive()
            # Hypercorn would break the others, if this stream ended now.
            healthy = await client.open("GET /api/health")
            assert (await client.answer(healthy)).status == 200
        else:
            await client.request("POST /nowhere", "Content-Length: 100", body=b"{")
            response = await client.response()
            assert response.headers["connection"] == "close"
        assert is_problem(response, 404, "not-found")


@pytest.mark.parametrize("headers", ["Content-Length: 100", "Transfer-Encoding: chunked"])
async def test_a_body_slower_than_its_time_is_refused(app: AsyncFlask, headers: str) -> None:
    async with (
        served(bridged(app, body_timeout=0.05)) as address,
        Http1.connect(address) as client,
    ):
        await client.request("POST /api/gizmos", JSON, headers)
        await client.send(b'2\r\n{"\r\n' if "chunked" in headers else b'{"')
        response = await client.response()
        assert is_problem(response, 408, "request-timeout")
        assert response.headers["connection"] == "close"
        assert response.headers["retry-after"] == "1"
        assert await client.closed()
        assert await count_gizmos(address) == 0


async def test_a_slow_body_of_http2_is_refused_alone(app: AsyncFlask) -> None:
    async with (
        served(bridged(app, body_timeout=0.05)) as address,
        Http2.connect(address) as client,
    ):
        slow = await client.open(
            "POST /api/gizmos", ("content-type", "application/json"), end=False
        )
        await client.body(slow, b'{"')
        assert is_problem(await client.answer(slow), 408, "request-timeout")
        healthy = await client.open("GET /api/health")
        assert (await client.answer(healthy)).status == 200


async def test_a_body_shorter_than_declared_stores_nothing(app: AsyncFlask) -> None:
    async with served(bridged(app)) as address:
        async with Http1.connect(address) as client:
            await client.request("POST /api/gizmos", JSON, "Content-Length: 100", body=GIZMO)
            client.writer.write_eof()
            assert await client.closed()
        assert await count_gizmos(address) == 0
