"""What a preflight promises, and how the request itself is answered then."""

import json
from itertools import product
from pathlib import Path

import httpx
import pytest

from api.config.settings import Settings
from api.http.cors import MAX_ASKED
from api.runtime.async_flask import AsyncFlask
from tests.api.origins import ALLOWED, CORS_ORIGINS, PREFLIGHT, ask, names
from tests.conftest import bridged
from tests.factory import settings_for
from tests.live import served
from tests.serving.wire import Http1, Http2

METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
AS_WRITTEN = {
    "POST //api/gizmos": (404, "The path begins with two slashes. Remove the one that ends the"),
    "GET //": (404, "The path begins with two slashes. Remove the one that ends the base URL."),
    "patch /api/gizmos/1": (405, "Methods are case-sensitive: send PATCH."),
    "Get /api/gizmos": (405, "Methods are case-sensitive: send GET."),
    "patch /api/gizmos": (405, "This address supports GET, HEAD, OPTIONS, POST."),
    "patch /api/itmes": (404, "There is nothing at this address."),
}
"""What a proxy in front would not recognize, so it means nothing here either."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(
        tmp_path, CORS_ORIGINS=CORS_ORIGINS, CORS_HEADERS="X-B3-TraceId, X-Datadog-Trace-Id"
    )


async def test_a_preflight_promises_every_method_of_the_api_on_every_path(
    client: httpx.AsyncClient,
) -> None:
    """The request itself then gets its 404 or 405, which the page can read."""
    paths = ("/api/gizmos", "/api/gizmos/1", "/api/itmes", "/", "/api/users/me")
    for path, asked in product(paths, METHODS):
        headers = {"Access-Control-Request-Method": asked}
        response = await ask(client, "OPTIONS", path, ALLOWED[0], headers=headers)
        assert response.status_code == 204
        assert response.content == b""
        assert names(response, "Access-Control-Allow-Methods") == METHODS, (path, asked)
        assert int(response.headers["Access-Control-Max-Age"]) >= 600


async def test_a_preflight_promises_no_method_beyond_those(client: httpx.AsyncClient) -> None:
    for method in ("TRACE", "CONNECT", "BREW", "ET", "", "*", "GET, HEAD"):
        headers = {"Access-Control-Request-Method": method}
        response = await ask(client, "OPTIONS", "/api/gizmos", ALLOWED[0], headers=headers)
        assert response.status_code == 204
        assert names(response, "Access-Control-Allow-Methods") <= METHODS, method


async def test_a_preflight_for_a_lower_case_method_allows_it_as_written(
    client: httpx.AsyncClient,
) -> None:
    """Browsers capitalize all methods of the API but PATCH."""
    for method in ("patch", "Patch", "get"):
        headers = {"Access-Control-Request-Method": method}
        response = await ask(client, "OPTIONS", "/api/gizmos/1", ALLOWED[0], headers=headers)
        assert names(response, "Access-Control-Allow-Methods") == METHODS | {method}


@pytest.mark.parametrize("line", AS_WRITTEN)
async def test_what_fetch_sends_as_it_is_written_is_refused_readably(
    app: AsyncFlask, line: str
) -> None:
    status, detail = AS_WRITTEN[line]
    method, path = line.split()
    origin = {"origin": ALLOWED[0]}
    asked = {**origin, "access-control-request-method": method}
    async with (
        served(bridged(app)) as address,
        Http1.connect(address) as http1,
        Http2.connect(address) as http2,
    ):
        await http1.request(f"OPTIONS {path}", *map(": ".join, asked.items()))
        stream = await http2.open(f"OPTIONS {path}", *asked.items())
        for preflight in (await http1.head(), await http2.answer(stream)):
            assert preflight.status == 204
            assert preflight.headers["access-control-allow-origin"] == ALLOWED[0]
            assert method in preflight.headers["access-control-allow-methods"].split(", ")
        await http1.request(line, *map(": ".join, origin.items()))
        stream = await http2.open(line, *origin.items())
        for answer in (await http1.response(), await http2.answer(stream)):
            assert answer.status == status
            assert answer.headers["access-control-allow-origin"] == ALLOWED[0]
            assert json.loads(answer.body)["detail"].startswith(detail)


async def test_options_that_is_no_preflight_has_the_methods_of_its_path(
    client: httpx.AsyncClient,
) -> None:
    response = await ask(client, "OPTIONS", "/api/gizmos", ALLOWED[0])
    assert response.status_code == 200
    assert names(response, "Allow") == {"GET", "HEAD", "OPTIONS", "POST"}
    assert (await ask(client, "OPTIONS", "/nowhere", ALLOWED[0])).status_code == 404


async def test_a_preflight_allows_the_headers_that_operations_and_libraries_send(
    client: httpx.AsyncClient,
) -> None:
    of_operations = ("Content-Type", "content-type", "x-request-id", "If-Match", "Idempotency-Key")
    of_libraries = ("X-Requested-With", "traceparent", "tracestate", "baggage", "sentry-trace")
    of_clients = ("user-agent", "cache-control", "pragma", "x-fern-sdk-name", "x-stainless-os")
    for asked in (*of_operations, *of_libraries, *of_clients, "x-datadog-trace-id"):
        headers = {**PREFLIGHT["headers"], "Access-Control-Request-Headers": asked}
        response = await ask(client, "OPTIONS", "/api/gizmos", ALLOWED[0], headers=headers)
        assert names(response, "Access-Control-Allow-Headers") == {asked}


async def test_a_preflight_does_not_echo_other_headers(client: httpx.AsyncClient) -> None:
    asked = "content-type, cookie, x-secret, *, content-typex, x-request-id\xe4, x-request-id"
    asked += ", x-fern-, x-fern-a b, ax-fern-a"
    headers = {**PREFLIGHT["headers"], "Access-Control-Request-Headers": asked.encode("latin-1")}
    response = await ask(client, "OPTIONS", "/api/gizmos", ALLOWED[0], headers=headers)
    assert names(response, "Access-Control-Allow-Headers") == {"content-type", "x-request-id"}


@pytest.mark.parametrize(("count", "granted"), [(MAX_ASKED, True), (MAX_ASKED + 1, False)])
async def test_a_preflight_for_more_headers_than_a_request_may_have_grants_nothing(
    client: httpx.AsyncClient, count: int, granted: bool
) -> None:
    """Each costs 6 µs, and rate limits don't refuse preflights."""
    asked = ",".join(["content-type"] * count)
    headers = {**PREFLIGHT["headers"], "Access-Control-Request-Headers": asked}
    response = await ask(client, "OPTIONS", "/api/gizmos", ALLOWED[0], headers=headers)
    assert response.status_code == 204
    assert ("Access-Control-Allow-Origin" in response.headers) == granted
    assert response.headers["Vary"] == "Origin"
