"""Which origins are let in, and the log lines about the others."""

from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import httpx
import pytest

from api import create_app
from api.config.settings import Settings
from api.http.cors import MAX_REMEMBERED
from tests.api.origins import (
    ALLOWED,
    CORS_ORIGINS,
    PREFLIGHT,
    ask,
    assert_granted,
    assert_refused,
    connect,
    names,
)
from tests.factory import settings_for

REFUSED_LOGGED = "cors_origin_refused"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path, CORS_ORIGINS=CORS_ORIGINS)


@pytest.mark.parametrize(
    ("path", "origin", "granted"),
    [
        ("/api/gizmos", ALLOWED[0], ["true"]),
        ("/api/gizmos", "https://evil.net", []),
        ("/openapi.json", "https://evil.net", []),
    ],
)
async def test_only_an_allowed_page_is_let_into_a_private_network(
    client: httpx.AsyncClient, path: str, origin: str, granted: list[str]
) -> None:
    """`true` is the header's only value: no other one is ever sent."""
    headers = {**PREFLIGHT["headers"], "Access-Control-Request-Private-Network": "true"}
    response = await ask(client, "OPTIONS", path, origin, headers=headers)
    assert response.headers.get_list("Access-Control-Allow-Private-Network") == granted


@pytest.mark.parametrize("path", ["/openapi.json", "/openapi.yaml", "/openapi-3.0.json"])
async def test_a_page_of_any_origin_may_read_the_document_without_credentials(
    client: httpx.AsyncClient, path: str
) -> None:
    etag = {"If-None-Match": '"1"'}
    asked = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": ",".join(etag),
    }
    for origin in ("https://evil.net", "null", *ALLOWED):
        preflight = await ask(client, "OPTIONS", path, origin, headers=asked)
        assert names(preflight, "Access-Control-Allow-Headers") == set(etag)
        response = await ask(client, "GET", path, origin, headers=etag)
        assert response.status_code == 200
        for answer in (preflight, response):
            assert answer.headers.get_list("Access-Control-Allow-Origin") == ["*"]
            assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "ETag" in names(response, "Access-Control-Expose-Headers")


async def test_development_lets_in_every_port_of_this_machine(
    development: httpx.AsyncClient,
) -> None:
    hosts = ("localhost", "127.0.0.1", "[::1]")
    ports = ("", ":3000", ":5174", ":49152")
    for scheme, host, port in product(("http", "https"), hosts, ports):
        origin = f"{scheme}://{host}{port}"
        assert_granted(await ask(development, "GET", "/api/gizmos", origin), origin)


async def test_development_lets_in_no_other_machine(development: httpx.AsyncClient) -> None:
    for origin in (
        "http://localhost.evil.net:3000",
        "http://evil.localhost:3000",
        "http://localhost:",
        "http://localhost:3000.evil.net",
        "http://localhost:3000@evil.net",
        "http://127.0.0.2:3000",
        "http://192.168.0.2:3000",
        "ws://localhost:3000",
    ):
        assert_refused(await ask(development, "GET", "/api/gizmos", origin), origin)


@pytest.fixture
async def development(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application as `make serve` starts it."""
    app = create_app(settings_for(tmp_path))
    async with connect(app) as client:
        yield client
    await app.close()


async def test_each_refused_origin_is_logged_once(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        for origin in ("https://evil.net", "http://localhost:8000", "null"):
            await ask(client, "GET", "/api/gizmos", origin)
            await ask(client, "OPTIONS", "/nowhere", origin, **PREFLIGHT)
    assert refused_origins(caplog) == ["https://evil.net", "http://localhost:8000", "null"]


async def test_an_origin_that_no_foreign_page_sends_is_not_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    of_the_service = "https://api.test"  # behind a proxy with TLS
    impossible = ("evil\tlevel=error", "https://\xe4.example.org", f"https://{'a.' * 200}net", "")
    for origin in (*ALLOWED, of_the_service, *impossible):
        await ask(client, "GET", "/api/gizmos", origin)
    await ask(client, "GET", "/openapi.json", "https://evil.net")
    assert refused_origins(caplog) == []


async def test_a_bounded_number_of_refused_origins_is_remembered(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The oldest is forgotten, so it is logged again."""
    many = [f"https://{n}.evil.net" for n in range(MAX_REMEMBERED + 1)]
    for origin in (*many, many[-1], many[0]):
        await ask(client, "GET", "/nowhere", origin)
    assert refused_origins(caplog) == [*many, many[0]]


def refused_origins(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return [line["origin"] for line in lines if line["event"] == REFUSED_LOGGED]


async def test_production_allows_no_origin_by_default(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, ENVIRONMENT="production"))
    async with connect(app) as client:
        for origin in [*ALLOWED, "http://localhost:3000", "null", None]:
            response = await ask(client, "GET", "/api/health", origin)
            assert response.status_code == 200
            assert_refused(response, "nobody is let in")
            preflight = await ask(client, "OPTIONS", "/api/gizmos", origin, **PREFLIGHT)
            assert_refused(preflight, "nobody is let in")
    await app.close()
