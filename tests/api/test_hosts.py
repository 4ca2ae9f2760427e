"""Which hosts the service answers for: Host and :authority, on every path."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from api import create_app
from api.runtime.async_flask import AsyncFlask
from tests.conftest import bridged
from tests.factory import settings_for
from tests.live import served
from tests.processes import started
from tests.serving.call import answer_of
from tests.serving.wire import Http1, Http2

PATHS = (
    "/",
    "/api/health",
    "/api/ready",
    "/api/gizmos",
    "/docs",
    "/docs/page.css",
    "/errors",
    "/metrics",
    "/nope",
    "/openapi.json",
)
OURS = [
    "localhost",
    "localhost:8000",
    "LocalHost.:8000",
    "api.localhost",
    "127.0.0.1",
    "127.0.0.1:65535",
    "10.1.2.3:8000",  # as Kubernetes and load balancers probe
    "[::1]",
    "[::1]:8000",
    "[2001:db8::1]:8000",
]
FOREIGN = [
    "evil.test",
    "evil.test:8000",
    "localhost.evil.test",
    "127.0.0.1.evil.test",
    "notlocalhost",
    "EVIL.TEST.",
    "127.1",
]
INVALID = [
    "",
    " ",
    "a b",
    "a,localhost",
    "localhost, localhost",
    "localhost/",
    "user@localhost",
    "localhost:x",
    "localhost:65536",
    "localhost:-1",
    "localhost:8000:8000",
    "::1",
    "[::1",
    "[::g]",
    "[127.0.0.1]",
    "[::1]x",
    "..",
    ".localhost",
    "localhost..",
    "*",
    "a\tb",
    "a\x00b",
    "l\xf6calhost",
    f"{'a.' * 200}localhost",
]


@asynccontextmanager
async def app_with(folder: Path, **environ: str) -> AsyncIterator[AsyncFlask]:
    async with create_app(settings_for(folder, **environ)) as app:
        yield app


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """That of a service without sign-in, on a real Hypercorn."""
    async with app_with(tmp_path, ALLOWED_HOSTS="") as app, served(bridged(app)) as address:
        yield address


async def status_of(app: AsyncFlask, host: str, path: str = "/api/health") -> int:
    transport = httpx.ASGITransport(bridged(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get(path, headers={b"Host": host.encode("latin-1")})).status_code


@pytest.mark.parametrize("path", PATHS)
async def test_without_sign_in_other_names_are_refused_on_every_path(
    tmp_path: Path, path: str
) -> None:
    async with app_with(tmp_path, ALLOWED_HOSTS="") as app:
        assert await status_of(app, "127.0.0.1:8000", path) in {200, 302, 404}
        assert await status_of(app, "evil.test", path) == 421


@pytest.mark.parametrize(
    ("hosts", "status"), [(OURS, 200), (FOREIGN, 421), (INVALID, 400)], ids=["200", "421", "400"]
)
async def test_without_sign_in_only_this_machine_is_allowed(
    tmp_path: Path, hosts: list[str], status: int
) -> None:
    async with app_with(tmp_path, ALLOWED_HOSTS="") as app:
        answers = {host: await status_of(app, host) for host in hosts}
    assert answers == dict.fromkeys(hosts, status)


async def test_with_sign_in_any_valid_host_is_allowed_by_default(tmp_path: Path) -> None:
    async with app_with(tmp_path, ALLOWED_HOSTS="", AUTH_REQUIRED="true") as app:
        answers = {host: await status_of(app, host) for host in [*OURS, *FOREIGN, *INVALID]}
    assert answers == dict.fromkeys([*OURS, *FOREIGN], 200) | dict.fromkeys(INVALID, 400)


@pytest.mark.parametrize("auth_required", ["true", "false"])
async def test_names_that_are_set_are_allowed_and_no_others(
    tmp_path: Path, auth_required: str
) -> None:
    names = "api.example.com, *.Example.org"
    expected = {
        "api.example.com": 200,
        "API.example.com.:443": 200,
        "www.example.org": 200,
        "localhost": 200,
        "192.0.2.1": 200,
        "example.com": 421,
        "www.api.example.com": 421,
        "api.example.com.evil.test": 421,
        "example.org": 421,
        "a.b.example.org": 421,
        "com": 421,
    }
    async with app_with(tmp_path, ALLOWED_HOSTS=names, AUTH_REQUIRED=auth_required) as app:
        assert {host: await status_of(app, host) for host in expected} == expected


async def test_a_star_allows_every_name_without_sign_in_too(tmp_path: Path) -> None:
    async with app_with(tmp_path, ALLOWED_HOSTS="*") as app:
        assert await status_of(app, "items.example.com") == 200
        assert await status_of(app, "a b") == 400


async def test_the_answer_is_a_problem_and_nothing_is_stored(tmp_path: Path) -> None:
    async with app_with(tmp_path, ALLOWED_HOSTS="") as app:
        transport = httpx.ASGITransport(bridged(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://evil.test") as client:
            headers = {"X-Request-ID": "abc"}
            refused = await client.post("/api/gizmos", json={"name": "First"}, headers=headers)
            assert refused.status_code == 421
            assert refused.headers["Content-Type"] == "application/problem+json"
            assert refused.headers["X-Request-ID"] == "abc"
            detail = "This service does not answer for the host evil.test."
            assert refused.json() == {
                "type": "/errors/misdirected-request",
                "title": "Misdirected request",
                "status": 421,
                "detail": detail,
                "error": detail,
                "errors": [],
                "request_id": "abc",
            }
            client.base_url = httpx.URL("http://localhost")
            assert (await client.get("/api/gizmos")).json()["gizmos"] == []


@pytest.mark.parametrize(("version", "status"), [("1.0", 200), ("1.1", 400), ("2", 400)])
async def test_only_http_1_0_may_leave_the_host_out(
    app: AsyncFlask, version: str, status: int
) -> None:
    answer = await answer_of(bridged(app), path="/api/health", version=version, host=None)
    assert answer.status == status
    if status == 400:
        (error,) = json.loads(answer.body)["errors"]
        assert error["header"] == "Host"


async def test_over_http_1_1(address: str) -> None:
    for host, status in [("localhost:1", 200), ("evil.test", 421), ("a,b", 400), ("", 400)]:
        async with Http1.connect(address) as client:
            await client.send(f"GET /api/health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            answer = await client.response()
            assert (host, answer.status) == (host, status)
            if status != 200:
                assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.test"]])
async def test_over_http_1_1_there_must_be_one(address: str, hosts: list[str]) -> None:
    """Hypercorn refuses the others itself (h11)."""
    lines = ["GET /api/gizmos HTTP/1.1", *(f"Host: {host}" for host in hosts), "", ""]
    async with Http1.connect(address) as client:
        await client.send("\r\n".join(lines).encode())
        assert (await client.head()).status == 400


@pytest.mark.parametrize(
    ("authority", "headers", "status"),
    [
        ("localhost", [], 200),
        ("evil.test", [], 421),
        ("a b", [], 400),
        (None, [("host", "localhost")], 200),
        (None, [("host", "evil.test")], 421),
    ],
)
async def test_over_http_2(
    address: str, authority: str | None, headers: list[tuple[str, str]], status: int
) -> None:
    async with Http2.connect(address) as client:
        stream = await client.open("GET /api/health", *headers, authority=authority)
        answer = await client.answer(stream)
    assert answer.status == status
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("authority", "hosts"),
    [
        ("localhost", ["evil.test"]),
        ("evil.test", ["localhost"]),
        ("localhost", ["localhost", "localhost"]),
        (None, ["localhost", "evil.test"]),
        (None, []),
    ],
)
async def test_over_http_2_they_must_agree(
    address: str, authority: str | None, hosts: list[str]
) -> None:
    """RFC 9113 §8.3.1: the stream is refused, with an answer or by the end of the connection."""
    async with Http2.connect(address) as client:
        headers = [("host", host) for host in hosts]
        stream = await client.open("GET /api/health", *headers, authority=authority)
        refused = False
        try:
            refused = (await client.answer(stream)).status in {400, 421}
        except EOFError:
            refused = True
        assert refused or stream in client.reset


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "--port", "0", "asgi:app"],
        ["gunicorn", "-b", "127.0.0.1:0", "api:create_app()"],
        ["asgi"],
    ],
    ids=["uvicorn", "gunicorn", "hypercorn"],
)
def test_under_every_server(tmp_path: Path, command: list[str]) -> None:
    with started(tmp_path, *command, PORT="0", AUTH_REQUIRED="false") as address:
        path = f"{address}/openapi.json"
        transport = httpx.HTTPTransport(retries=10)
        with httpx.Client(transport=transport, timeout=60) as client:
            assert client.get(path).status_code == 200
            assert client.get(path, headers={"Host": "evil.test"}).status_code == 421
            assert client.get(path, headers={"Host": "evil.test,"}).status_code == 400
