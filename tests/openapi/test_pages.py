"""The documentation as it is served: /, /docs and its files, the document in its three forms.

How it looks and works in a browser: tests/browser/test_docs.py.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
import yaml

from api import create_app
from api.runtime.async_flask import AsyncFlask
from openapi.openapi_3_0 import as_openapi_3_0
from openapi.views import ASSETS
from tests.conftest import bridged
from tests.factory import settings_for

DOCUMENTS = {
    "/openapi.json": "application/json",
    "/openapi.yaml": "application/yaml",
    "/openapi-3.0.json": "application/json",
}
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
PAGES = ["/", "/docs", *(f"/docs/{asset}" for asset in ASSETS), *DOCUMENTS]


@pytest.fixture
async def mounted(app: AsyncFlask) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application as a server with the root path /shop runs it."""
    transport = httpx.ASGITransport(bridged(app), root_path="/shop")
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


def assert_problem(response: httpx.Response, status: int, slug: str) -> None:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["type"] == f"/errors/{slug}"


def policy(response: httpx.Response) -> dict[str, list[str]]:
    """The Content-Security-Policy: what each directive allows."""
    directives = response.headers["Content-Security-Policy"].split(";")
    return {name: allowed for name, *allowed in map(str.split, directives)}


def links(html: str) -> set[str]:
    return set(re.findall(r'(?:src|href)="([^"]+)"', html))


@pytest.mark.no_database
async def test_the_root_leads_to_the_documentation(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert response.status_code == 302
    assert response.headers["Location"] == "docs"
    followed = await client.get("/", follow_redirects=True)
    assert followed.status_code == 200
    assert followed.url.path == "/docs"


@pytest.mark.no_database
async def test_the_page_of_the_documentation_has_scripts_in_files_alone(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/docs")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert re.findall(r"<script(?! src=)", response.text) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", response.text) == []
    assert policy(response) == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }


@pytest.mark.no_database
@pytest.mark.parametrize("path", PAGES[1:])
async def test_a_page_of_another_version_is_not_sent(client: httpx.AsyncClient, path: str) -> None:
    known = (await client.get(path)).headers["ETag"]
    assert (await client.get(path, headers={"If-Match": known})).status_code == 200
    response = await client.get(path, headers={"If-Match": '"another"'})
    assert_problem(response, 412, "precondition-failed")


@pytest.mark.no_database
async def test_the_page_names_exactly_the_files_that_are_served(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert links(page.text) == {f"docs/{asset}" for asset in ASSETS} | {"openapi.json"}


@pytest.mark.no_database
@pytest.mark.parametrize("asset", ASSETS)
async def test_each_file_of_the_documentation_has_its_media_type(
    client: httpx.AsyncClient, asset: str
) -> None:
    response = await client.get(f"/docs/{asset}")
    assert response.status_code == 200
    assert response.headers["Content-Type"].partition(";")[0] == MEDIA_TYPES[Path(asset).suffix]
    assert response.content == (ASSETS[asset] / asset).read_bytes()
    assert int(response.headers["Content-Length"]) == len(response.content) > 0


@pytest.mark.no_database
@pytest.mark.parametrize(
    "asset",
    [
        "",
        "index.html",
        "INITIALIZER.JS",
        "initializer.js/",
        "..%2fviews.py",
        "%2e%2e/views.py",
        "%00",
    ],
)
async def test_other_files_are_not_found(client: httpx.AsyncClient, asset: str) -> None:
    assert_problem(await client.get(f"/docs/{asset}"), 404, "not-found")


@pytest.mark.no_database
@pytest.mark.parametrize(("path", "media_type"), DOCUMENTS.items())
async def test_a_document_that_is_known_already_is_not_sent_again(
    client: httpx.AsyncClient, path: str, media_type: str
) -> None:
    first = await client.get(path)
    assert first.status_code == 200
    assert first.headers["Content-Type"].partition(";")[0] == media_type
    again = await client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["ETag"] == first.headers["ETag"]
    other = await client.get(path, headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    assert other.content == first.content


@pytest.mark.no_database
async def test_a_file_that_is_known_already_is_not_sent_again(client: httpx.AsyncClient) -> None:
    for asset in ASSETS:
        first = await client.get(f"/docs/{asset}")
        known = {"If-None-Match": first.headers["ETag"]}
        again = await client.get(f"/docs/{asset}", headers=known)
        assert again.status_code == 304
        assert again.content == b""


@pytest.mark.no_database
async def test_all_forms_of_the_document_say_the_same(client: httpx.AsyncClient) -> None:
    as_json, as_yaml, older = [await client.get(path) for path in DOCUMENTS]
    assert yaml.safe_load(as_yaml.text) == as_json.json()
    assert as_openapi_3_0(as_json.json()) == older.json()


@pytest.mark.no_database
@pytest.mark.parametrize("path", PAGES)
async def test_head_has_the_headers_of_get_and_no_body(
    client: httpx.AsyncClient, path: str
) -> None:
    get, head = await client.get(path), await client.head(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    for response in (get, head):
        for name in ("X-Request-ID", "Date", "RateLimit"):
            response.headers.pop(name, None)
    assert head.headers == get.headers


@pytest.mark.no_database
async def test_a_part_of_a_file_can_be_read(client: httpx.AsyncClient) -> None:
    response = await client.get("/docs/initializer.js", headers={"Range": "bytes=0-1"})
    assert response.status_code == 206
    assert response.content == b"//"
    assert response.headers["Content-Range"].startswith("bytes 0-1/")


@pytest.mark.no_database
async def test_a_range_beyond_the_end_of_a_file_is_a_problem(client: httpx.AsyncClient) -> None:
    response = await client.get("/docs/initializer.js", headers={"Range": "bytes=9999999-"})
    assert_problem(response, 416, "range-not-satisfiable")
    size = (await client.get("/docs/initializer.js")).headers["Content-Length"]
    assert response.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.no_database
@pytest.mark.parametrize(
    "path", [*PAGES, "/docs/unknown.js", "/errors", "/errors/not-found", "/nowhere"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
async def test_every_response_has_security_headers(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)
    assert response.headers.get_list("X-Content-Type-Options") == ["nosniff"]
    assert response.headers.get_list("Referrer-Policy") == ["no-referrer"]
    assert len(response.headers.get_list("Content-Security-Policy")) == 1
    assert policy(response)["frame-ancestors"] == ["'none'"]
    assert policy(response)["default-src"] == ["'none'"]


@pytest.mark.no_database
@pytest.mark.parametrize("path", ["/shop/docs", "/docs"])
async def test_under_a_path_prefix_the_page_finds_its_files(
    mounted: httpx.AsyncClient, path: str
) -> None:
    """The server may leave the prefix in the path, or a proxy may have taken it away."""
    page = await mounted.get(path)
    assert page.status_code == 200
    for link in links(page.text):
        address = urljoin("/shop/docs", link)
        assert address.startswith("/shop/")
        assert (await mounted.get(address)).status_code == 200


@pytest.mark.no_database
async def test_under_a_path_prefix_the_root_leads_to_the_documentation(
    mounted: httpx.AsyncClient,
) -> None:
    response = await mounted.get("/shop/", follow_redirects=True)
    assert response.status_code == 200
    assert response.url.path == "/shop/docs"


@pytest.mark.no_database
async def test_under_a_path_prefix_the_document_leads_to_the_api(
    mounted: httpx.AsyncClient,
) -> None:
    """Its server is an address relative to its own, so a proxy may take any prefix off."""
    for path in DOCUMENTS:
        document = yaml.safe_load((await mounted.get(f"/shop{path}")).text)
        [server] = document["servers"]
        address = urljoin(f"/shop{path}", server["url"])
        assert address == "/shop/"
        assert (await mounted.get(f"{address}api/health")).status_code == 200
        flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["password"]
        assert {urljoin(address, flow[url]) for url in ("tokenUrl", "refreshUrl")} == {
            "/shop/api/auth/token"
        }


@pytest.mark.no_database
async def test_the_public_address_is_the_server(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, PUBLIC_URL="https://api.example.com/shop/"))
    transport = httpx.ASGITransport(bridged(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        document = (await client.get("/openapi.json")).json()
        page = await client.get("/docs")
    await app.close()
    assert [server["url"] for server in document["servers"]] == ["https://api.example.com/shop"]
    assert document["externalDocs"]["url"] == "https://api.example.com/shop/errors"
    assert policy(page)["connect-src"] == ["'self'", "https://api.example.com"]
    flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["password"]
    assert flow["tokenUrl"] == flow["refreshUrl"] == "https://api.example.com/shop/api/auth/token"


async def test_documentation_that_is_turned_off_is_404(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, DOCS_ENABLED="false"))
    transport = httpx.ASGITransport(bridged(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        for path in PAGES:
            assert_problem(await client.get(path), 404, "not-found")
        assert (await client.get("/api/gizmos")).status_code == 200
        assert (await client.get("/errors/not-found")).status_code == 200
    await app.close()
