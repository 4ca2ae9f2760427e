"""What nginx passes on to the processes, seen from there."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bench.fleet import free_port
from bench.nginx import Nginx
from serving.asgi import Receive, Scope, Send
from tests.factory import PASSWORD
from tests.live import HUNG, started
from tests.processes import started as process_started
from tests.proxy.conftest import APP, WITH_APP, port_of


class Upstream:
    """Answers each request with its headers, once `go` is set."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.methods: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.methods.append(scope["method"])
        await self.go.wait()
        pairs = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(pairs).encode()})


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


def client_of(nginx: Nginx, *, http2: bool = False) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=nginx.address,
        verify=nginx.trusted,
        http1=not http2,
        http2=http2,
        timeout=HUNG,
        limits=httpx.Limits(max_connections=None),
    )


@contextlib.asynccontextmanager
async def proxied(
    folder: Path, *ports: int, http2: bool = False
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an nginx in front of `ports`."""
    with Nginx(folder, ports, **WITH_APP) as nginx:
        async with client_of(nginx, http2=http2) as client:
            yield client


async def test_nginx_drops_forwarding_headers_of_clients(
    tmp_path: Path, upstream: Upstream
) -> None:
    said = {
        "X-Forwarded-For": "192.0.2.1, 192.0.2.2",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Port": "70",
        "X-Forwarded-Prefix": "/evil",
        "X-Real-IP": "192.0.2.1",
        "Forwarded": "for=192.0.2.1",
        "X_Request_ID": "another",
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAMAAABkAAQAAP__",
        "TE": "trailers",
        "Authorization": "Bearer x",
        "X-Request-ID": "mine",
        "Host": "api.test",
    }
    async with started(upstream) as server, proxied(tmp_path, port_of(server.address)) as client:
        response = await client.get("/", headers=said)
    got = dict(response.json())
    expected = {
        "host": "api.test",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "https",
        "x-request-id": "mine",
        "authorization": "Bearer x",
    }
    usual = {"accept", "accept-encoding", "user-agent"}
    assert {name: value for name, value in got.items() if name not in usual} == expected
    assert len(got) == len(response.json())


async def test_a_spoofed_address_does_not_count(tmp_path: Path) -> None:
    settings = {
        "PORT": "0",
        "DATABASE_URL": f"sqlite:///{tmp_path}/api.db",
        "TRUSTED_PROXIES": "127.0.0.1",
        "LOGIN_RATE_LIMIT": "3/day",
    }
    grant = {"grant_type": "password", "username": "nobody@example.com", "password": PASSWORD}
    with (
        process_started(tmp_path, "asgi", **settings) as address,
        Nginx(tmp_path, [port_of(address)]) as nginx,
    ):

        def statuses(local_address: str) -> list[int]:
            transport = httpx.HTTPTransport(verify=nginx.trusted, local_address=local_address)
            with httpx.Client(transport=transport, base_url=nginx.address) as client:
                return [
                    client.post(
                        "/api/auth/token",
                        data=grant,
                        headers={"X-Forwarded-For": f"192.0.2.{number}"},
                    ).status_code
                    for number in range(4)
                ]

        assert await asyncio.to_thread(statuses, "127.0.0.1") == [400, 400, 400, 429]
        assert await asyncio.to_thread(statuses, "127.0.0.2") == [400, 400, 400, 429]


@pytest.mark.parametrize("http2", [False, True])
async def test_a_body_is_waited_for_before_the_api_is_bothered(
    tmp_path: Path, upstream: Upstream, http2: bool
) -> None:
    half, rest = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * 1000
        half.set()
        await rest.wait()
        yield b"x"

    async with started(upstream) as server:
        with Nginx(tmp_path, [port_of(server.address)]) as nginx:
            async with client_of(nginx, http2=http2) as client, client_of(nginx) as other:
                sending = asyncio.create_task(client.post("/", content=slow()))
                await half.wait()
                for _ in range(20):
                    await other.get("/")
                assert upstream.methods == ["GET"] * 20
                rest.set()
                headers = dict((await sending).json())
    assert upstream.methods == [*["GET"] * 20, "POST"]
    assert headers["content-length"] == "1001"


@pytest.mark.parametrize("http2", [False, True])
async def test_a_stream_that_asks_for_it_comes_piece_by_piece(tmp_path: Path, http2: bool) -> None:
    arrived = asyncio.Event()

    async def events(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await arrived.wait()
        await send({"type": "http.response.body", "body": b"data: 2\n\n", "more_body": False})

    async with (
        asyncio.timeout(HUNG),
        started(events) as server,
        proxied(tmp_path, port_of(server.address), http2=http2) as client,
        client.stream("GET", "/") as response,
    ):
        assert "x-accel-buffering" not in response.headers
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"data: 1\n\n"
        arrived.set()
        assert [piece async for piece in pieces] == [b"data: 2\n\n"]


async def test_more_than_a_hundred_requests_at_once_from_one_address_are_limited(
    tmp_path: Path, upstream: Upstream
) -> None:
    upstream.go.clear()
    async with (
        started(upstream) as server,
        proxied(tmp_path, port_of(server.address)) as client,
        asyncio.TaskGroup() as group,
    ):
        requests = [group.create_task(client.get("/")) for _ in range(101)]
        [refused], _ = await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
        upstream.go.set()
        await asyncio.wait(requests)
    response = refused.result()
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert response.json()["type"] == "/errors/rate-limited"
    assert sorted(request.result().status_code for request in requests) == [200] * 100 + [429]


async def test_without_a_process_nginx_answers_with_a_problem_and_retry_after(
    tmp_path: Path,
) -> None:
    async with proxied(tmp_path, free_port(), free_port()) as client:
        response = await client.post("/api/gizmos", json={}, headers={"Origin": APP})
    assert (response.status_code, response.headers["Retry-After"]) == (502, "1")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Access-Control-Allow-Origin"] == APP
    assert response.headers["Access-Control-Expose-Headers"] == "Retry-After, X-Request-ID"
    detail = "The service can't be reached, or closed the connection before it answered."
    assert response.json() == {
        "type": "about:blank",
        "title": "Bad gateway",
        "status": 502,
        "detail": detail,
        "error": detail,
        "errors": [],
        "request_id": response.headers["X-Request-ID"],
    }


class Broken:
    """Reads a request and closes the connection without an answer."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.methods.append(head.split()[0].decode())
        writer.close()
        await writer.wait_closed()


def folder_for(folder: Path, method: str) -> Path:
    (folder / method).mkdir()
    return folder / method


async def test_only_what_may_be_repeated_is_sent_to_another_process(
    tmp_path: Path, upstream: Upstream
) -> None:
    """Each method meets an nginx that hasn't set the broken process aside yet."""
    broken = Broken()
    async with (
        await asyncio.start_server(broken, "127.0.0.1", 0) as listener,
        started(upstream) as server,
    ):
        ports = listener.sockets[0].getsockname()[1], port_of(server.address)
        for method in ("GET", "PUT", "DELETE"):
            async with proxied(folder_for(tmp_path, method), *ports) as client:
                answers = [await client.request(method, "/") for _ in range(4)]
            assert [answer.status_code for answer in answers] == [200] * 4
            assert upstream.methods.count(method) == 4
            assert broken.methods.count(method) > 0
        for method in ("POST", "PATCH"):
            headers = {"Idempotency-Key": "k"}
            async with proxied(folder_for(tmp_path, method), *ports) as client:
                answers = [await client.request(method, "/", headers=headers) for _ in range(4)]
            failed = [answer.status_code for answer in answers].count(502)
            assert failed == broken.methods.count(method) > 0
            assert failed + upstream.methods.count(method) == 4


async def test_a_process_that_is_away_costs_no_request(tmp_path: Path, upstream: Upstream) -> None:
    async with (
        started(upstream) as server,
        proxied(tmp_path, free_port(), port_of(server.address)) as client,
    ):
        answers = [await client.post("/", content=b"x") for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 8


async def test_the_log_is_json_without_private_data(tmp_path: Path, upstream: Upstream) -> None:
    async with started(upstream) as server:
        with Nginx(tmp_path, [port_of(server.address)]) as nginx:
            async with httpx.AsyncClient(base_url=nginx.address, verify=nginx.trusted) as client:
                answers = [
                    await client.post("/a?secret=s", headers={b"User-Agent": b'"\xff\\'}),
                    await client.post("/metrics", headers={"X-Request-ID": '"'}),
                ]
            await say(nginx, b"GET /\xff HTTP/1.0\r\n\r\n")
            assert b"application/problem+json" in await say(nginx, b"EHLO api.test\r\n\r\n")
        text = nginx.log.read_bytes()
    assert b"secret" not in text
    lines = [json.loads(line) for line in text.decode().splitlines()]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/a", 200),
        ("POST", "/metrics", 404),
        ("GET", "", 400),
        ("EHLO", "", 400),
    ]
    ids = [dict(answers[0].json())["x-request-id"], answers[1].headers["X-Request-ID"]]
    assert [line["request_id"] for line in lines[:2]] == ids
    assert all(line["request_id"] for line in lines)
    assert {line["client"] for line in lines} == {"127.0.0.1"}


async def say(nginx: Nginx, words: bytes) -> bytes:
    """What nginx says to that before it closes the connection."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port_of(nginx.address), ssl=nginx.trusted
    )
    writer.write(words)
    said = await reader.read()
    writer.close()
    return said
