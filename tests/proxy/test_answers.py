"""What a client gets through nginx: the API's answers as they are, nginx's own in their form."""

import json
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest

from api.http.headers import HEADERS
from api.http.inputs import MAX_QUERY
from api.problems import BY_SLUG
from bench.nginx import Nginx
from tests.gizmos import gizmo_input
from tests.proxy.conftest import APP

GIZMO = gizmo_input()


async def assert_problem(response: httpx.Response, slug: str, **about: str) -> None:
    """The problem that the API would answer; `about`: members with other words than usual."""
    problem = BY_SLUG[slug]
    assert response.status_code == problem.status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers.get("Retry-After") == (
        None if problem.retry_after is None else str(problem.retry_after)
    )
    detail = about.get("detail", problem.detail)
    assert response.json() == {
        "type": problem.uri,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "error": detail,
        "errors": [],
        "request_id": response.headers["X-Request-ID"],
    }
    assert_headers_once(response)


def assert_headers_once(response: httpx.Response) -> None:
    for name, value in HEADERS.items():
        assert response.headers.get_list(name) == [value], name
    assert response.headers.get_list("Vary").count("Origin") == 1
    assert response.headers.get_list("Strict-Transport-Security") == [
        "max-age=31536000; includeSubDomains"
    ]
    assert len(response.headers.get_list("X-Request-ID")) == 1
    assert response.headers["Server"] == "nginx"


async def test_nginx_passes_responses_of_the_api_on_unchanged(client: httpx.AsyncClient) -> None:
    created = await client.post("/api/gizmos", json=GIZMO, headers={"Origin": APP})
    assert created.status_code == 201, created.text
    assert created.http_version == ("HTTP/2" if client_speaks_http2(client) else "HTTP/1.1")
    assert created.headers["ETag"] == '"1"'
    assert created.headers["Location"] == f"/api/gizmos/{created.json()['id']}"
    assert created.headers.get_list("Access-Control-Allow-Origin") == [APP]
    assert_headers_once(created)
    again = await client.get(created.headers["Location"], headers={"If-None-Match": '"1"'})
    assert again.status_code == 304
    listed = await client.get(
        "/api/gizmos", params={"limit": 1}, headers={"Accept-Encoding": "gzip"}
    )
    assert listed.headers["ETag"].startswith('"')
    await assert_problem(
        await client.get("/api/gizmos/none"),
        "unknown-id",
        detail=(await client.get("/api/gizmos/none")).json()["detail"],
    )


def client_speaks_http2(client: httpx.AsyncClient) -> bool:
    return bool(client._transport._pool._http2)  # type: ignore[attr-defined]  # httpx has no name for it


async def test_a_preflight_is_the_apis_to_answer(client: httpx.AsyncClient) -> None:
    asked = {"Origin": APP, "Access-Control-Request-Method": "POST"}
    answer = await client.options("/api/gizmos", headers=asked)
    assert answer.status_code == 204
    assert answer.headers.get_list("Access-Control-Allow-Origin") == [APP]
    assert answer.headers["Access-Control-Allow-Methods"] == (
        "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    )


TAGS = [chr(0x1F600 + n) * 16 for n in range(20)]
LONG_QUERY = "sort=name&limit=1&" + "&".join(f"tag={quote(tag)}" for tag in TAGS)


async def test_a_list_with_a_long_query_is_read_to_its_end(client: httpx.AsyncClient) -> None:
    """`Link` repeats the query and adds a cursor, which contains a name of the longest kind here.
    nginx answered 502, because it had 4 KiB for the response's head."""
    assert MAX_QUERY - 200 < len(LONG_QUERY) <= MAX_QUERY
    names = {chr(0x20000 + n) * 200 for n in range(3)}
    for name in names:
        created = await client.post("/api/gizmos", json={"name": name, "tags": TAGS})
        assert created.status_code == 201
    found, address = set(), f"/api/gizmos?{LONG_QUERY}"
    while address:
        page = await client.get(address)
        assert page.status_code == 200, page.text
        assert len(page.headers.get("Link", "")) < 1.5 * MAX_QUERY
        found |= {gizmo["name"] for gizmo in page.json()["gizmos"]}
        address = page.links["next"]["url"] if "next" in page.links else ""
    assert found == names
    refused = await client.get(f"/api/gizmos?{LONG_QUERY}&q={'a' * 200}")
    assert (refused.status_code, refused.json()["type"]) == (400, "/errors/invalid-request")


async def in_pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b" " * 1024


async def test_a_body_beyond_the_limit_is_refused_in_the_apis_words(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Content-Type": "application/json", "Origin": APP}
    response = await client.post("/api/gizmos", content=in_pieces(2**21), headers=headers)
    await assert_problem(response, "content-too-large")
    assert response.headers["Access-Control-Allow-Origin"] == APP


async def test_a_body_with_a_content_length_that_is_too_large_is_refused_at_once(
    nginx: Nginx,
) -> None:
    # Over HTTP/2 httpx doesn't look for an answer before it has sent everything.
    async with httpx.AsyncClient(base_url=nginx.address, verify=nginx.trusted) as client:
        response = await client.post("/api/gizmos", content=b" " * 2**21)
    await assert_problem(response, "content-too-large")


async def test_a_body_at_the_limit_is_let_through(client: httpx.AsyncClient) -> None:
    padded = json.dumps(GIZMO).encode().ljust(65536)  # what a gizmo may take
    headers = {"Content-Type": "application/json"}
    assert (await client.post("/api/gizmos", content=padded, headers=headers)).status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "//metrics",
        "/%6detrics",
        "/api/../metrics",
        "/metrics?x=1",
        "/api/ready",
        "/api//ready",
        "/api/r%65ady",
        "/api/ready/",
    ],
)
async def test_paths_for_operators_are_404_from_outside(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get("/", extensions={"target": path.encode()})
    await assert_problem(response, "not-found")
    missing = await client.get("/nowhere")
    assert {**missing.json(), "request_id": ""} == {**response.json(), "request_id": ""}


@pytest.mark.parametrize(
    ("target", "headers"),
    [("/" + "x" * 16_000, {}), ("/", {"X-Large": "x" * 40_000}), ("/%00", {})],
)
async def test_a_malformed_request_is_an_invalid_request_problem(
    nginx: Nginx, target: str, headers: dict[str, str]
) -> None:
    async with httpx.AsyncClient(base_url=nginx.address, verify=nginx.trusted) as client:
        response = await client.get("/", headers=headers, extensions={"target": target.encode()})
    await assert_problem(response, "invalid-request", detail="The request is not valid HTTP.")


async def test_http_without_tls_is_refused(nginx: Nginx) -> None:
    async with httpx.AsyncClient() as client:
        response = await client.get(nginx.address.replace("https:", "http:"))
    await assert_problem(response, "invalid-request", detail="The request is not valid HTTP.")


async def test_an_unsupported_method_is_rejected(client: httpx.AsyncClient) -> None:
    response = await client.request("TRACE", "/api/gizmos")
    await assert_problem(response, "method-not-allowed")
    assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


@pytest.mark.parametrize("sent", ["a-b.c", '"quoted\\"', "x" * 128])
async def test_a_request_id_is_taken_as_the_api_takes_it(
    client: httpx.AsyncClient, sent: str
) -> None:
    response = await client.get("/api/health", headers={"X-Request-ID": sent})
    assert response.headers.get_list("X-Request-ID") == [sent]


@pytest.mark.parametrize("sent", ["", "two words", "x" * 129, "h\xe9"])
async def test_no_other_request_id_is_taken(client: httpx.AsyncClient, sent: str) -> None:
    for path in ("/api/health", "/metrics"):
        response = await client.get(path, headers={b"X-Request-ID": sent.encode("latin-1")})
        [made] = response.headers.get_list("X-Request-ID")
        assert len(made) == 32
        assert sent not in {made, None}


async def test_an_id_that_json_would_escape_is_not_in_nginxs_own_answers(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/metrics", headers={"X-Request-ID": 'a","status":"200'})
    await assert_problem(response, "not-found")
