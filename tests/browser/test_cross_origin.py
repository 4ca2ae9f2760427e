"""What a browser lets an app on another origin do with the API, and read of its answers."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from api.config.settings import Settings
from tests.browser.conftest import Record
from tests.factory import settings_for

pytestmark = pytest.mark.asyncio(loop_scope="package")

NO_UUID = "not-a-uuid"
MIB = 1024 * 1024
REFUSED = {"error": "TypeError"}
READABLE = ["ETag", "Location", "X-Request-ID"]
FETCH = """async ([url, options, names]) => {
    try {
        const response = await fetch(url, options);
        const headers = Object.fromEntries(names.map(name => [name, response.headers.get(name)]));
        const text = await response.text();
        return {status: response.status, headers, json: text ? JSON.parse(text) : null};
    } catch (error) {
        return {error: error.name};
    }
}"""
CREATE_ON_CLICK = """url => {
    document.querySelector("button").onclick = async () => {
        const headers = {"Content-Type": "application/json"};
        const body = JSON.stringify({name: "First item"});
        const alert = document.querySelector("[role=alert]");
        try {
            const response = await fetch(url, {method: "POST", headers, body});
            alert.textContent = (await response.json()).detail;
        } catch (error) {
            alert.textContent = `${error}`;
        }
    };
}"""


class App:
    """A single-page app in `page`, which calls the API at `api` with the browser's fetch."""

    def __init__(self, page: Page, api: str) -> None:
        self.page = page
        self.api = api

    async def fetch(self, method: str, path: str, content: object = None, **options: Any) -> Any:
        """Status, headers and body that the app's script may see, or the name of its error.

        `content` goes as JSON; `options` are those of fetch.
        """
        if content is not None:
            options["body"] = json.dumps(content)
            options["headers"] = {"Content-Type": "application/json"}
        arguments = [self.api + path, {"method": method, **options}, READABLE]
        return await self.page.evaluate(FETCH, arguments)


@pytest_asyncio.fixture(loop_scope="package")
async def spa(page: Page, live: str, allowed_origin: str) -> App:
    """An app that CORS_ORIGINS lets in."""
    await page.goto(allowed_origin)
    return App(page, live)


@pytest_asyncio.fixture(loop_scope="package")
async def stranger(page: Page, live: str, other_origin: str) -> App:
    """An app that nothing lets in."""
    await page.goto(other_origin)
    return App(page, live)


async def stored(api: httpx.AsyncClient) -> Any:
    return (await api.get("/api/gizmos")).json()["gizmos"]


async def test_an_app_creates_changes_and_deletes_an_item(
    spa: App, api: httpx.AsyncClient, record: Record
) -> None:
    created = await spa.fetch("POST", "/api/gizmos", {"name": "First item"})
    gizmo = created["json"]
    path = f"/api/gizmos/{gizmo['id']}"
    assert created["status"] == 201
    assert created["headers"]["ETag"] == '"1"'
    assert created["headers"]["Location"] == path
    assert created["headers"]["X-Request-ID"]
    assert await stored(api) == [gizmo]
    read = await spa.fetch("GET", path)
    assert (read["status"], read["json"]) == (200, gizmo)
    replaced = await spa.fetch("PUT", path, {"name": "Second item"})
    assert (replaced["status"], replaced["headers"]["ETag"]) == (200, '"2"')
    changed = await spa.fetch("PATCH", path, {"status": "done"})
    assert (changed["status"], changed["headers"]["ETag"]) == (200, '"3"')
    assert await stored(api) == [changed["json"]]
    deleted = await spa.fetch("DELETE", path)
    assert (deleted["status"], deleted["json"]) == (204, None)
    assert await stored(api) == []
    assert record.faults == []


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "slug"),
    [
        ("POST", "/api/gizmos", {"name": " "}, 400, "invalid-request"),
        ("GET", "/api/gizmos?limit=0", None, 400, "invalid-request"),
        ("PUT", f"/api/gizmos/{NO_UUID}", {"name": "x"}, 404, "unknown-id"),
        ("PATCH", f"/api/gizmos/{NO_UUID}", {"name": "x"}, 404, "unknown-id"),
        ("DELETE", f"/api/gizmos/{NO_UUID}", None, 404, "unknown-id"),
        ("GET", "/nowhere", None, 404, "not-found"),
        ("DELETE", "/nowhere", None, 404, "not-found"),
        ("POST", "/api/itmes", {"name": "First item"}, 404, "not-found"),
        ("POST", f"/api/gizmos/{NO_UUID}", None, 405, "method-not-allowed"),
        ("PUT", "/api/gizmos", {"name": "x"}, 405, "method-not-allowed"),
        ("patch", "/api/gizmos", {"name": "x"}, 405, "method-not-allowed"),
        ("POST", "/api/gizmos", {"name": "x" * MIB}, 413, "content-too-large"),
    ],
)
async def test_an_app_can_read_what_went_wrong(
    spa: App, method: str, path: str, content: object, status: int, slug: str
) -> None:
    answer = await spa.fetch(method, path, content)
    assert answer["status"] == status
    assert answer["json"]["type"] == f"/errors/{slug}"
    assert answer["json"]["request_id"] == answer["headers"]["X-Request-ID"]


async def test_an_app_can_read_that_its_media_type_is_refused(
    spa: App, api: httpx.AsyncClient
) -> None:
    """Text needs no preflight: the browser sends it at once."""
    answer = await spa.fetch("POST", "/api/gizmos", body='{"name": "x"}')
    assert answer["status"] == 415
    assert answer["json"]["type"] == "/errors/unsupported-media-type"
    assert await stored(api) == []


async def test_an_app_may_choose_the_request_id(spa: App) -> None:
    answer = await spa.fetch("GET", "/api/health", headers={"X-Request-ID": "from-the-app"})
    assert answer["headers"]["X-Request-ID"] == "from-the-app"


async def test_an_app_sees_nothing_if_it_sends_credentials(spa: App) -> None:
    assert await spa.fetch("GET", "/api/health", credentials="include") == REFUSED
    assert (await spa.fetch("GET", "/api/health", credentials="omit"))["status"] == 200


async def test_an_app_may_not_send_a_header_that_no_operation_takes(spa: App) -> None:
    assert await spa.fetch("GET", "/api/gizmos", headers={"X-Secret": "1"}) == REFUSED


async def test_an_app_may_send_what_its_libraries_add(spa: App) -> None:
    headers = {"X-Requested-With": "XMLHttpRequest", "traceparent": "00-0-0-01", "baggage": "a=1"}
    assert (await spa.fetch("GET", "/api/gizmos", headers=headers))["status"] == 200


async def test_an_app_that_writes_patch_in_small_letters_is_told(
    spa: App, api: httpx.AsyncClient
) -> None:
    gizmo = (await api.post("/api/gizmos", json={"name": "First item"})).json()
    changed = await spa.fetch("patch", f"/api/gizmos/{gizmo['id']}", {"status": "done"})
    assert changed["status"] == 405
    assert changed["json"]["detail"] == "Methods are case-sensitive: send PATCH."


async def test_an_app_whose_base_url_ends_with_a_slash_is_told(spa: App) -> None:
    answer = await spa.fetch("POST", "//api/gizmos", {"name": "First item"})
    assert answer["status"] == 404
    assert answer["json"]["detail"].startswith("The path begins with two slashes.")


class TestDevelopment:
    """With the default settings, on whatever port the app's own server has moved to."""

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return settings_for(tmp_path)

    async def test_a_create_to_a_misspelt_path_shows_why_it_failed(
        self, spa: App, record: Record, live: str
    ) -> None:
        page = spa.page
        await page.set_content("<button>Create</button><p role='alert'></p>")
        await page.evaluate(CREATE_ON_CLICK, f"{live}/api/itmes")
        await page.get_by_role("button", name="Create").click()
        await expect(page.get_by_role("alert")).to_have_text("There is nothing at this address.")
        assert [fault for fault in record.faults if "CORS" in fault] == []


async def test_a_stranger_may_read_the_document(stranger: App) -> None:
    answer = await stranger.fetch("GET", "/openapi.json", headers={"If-None-Match": '"1"'})
    assert answer["status"] == 200
    assert "/api/gizmos" in answer["json"]["paths"]
    assert await stranger.fetch("GET", "/openapi.json", credentials="include") == REFUSED


async def test_a_stranger_sees_nothing_and_changes_nothing(
    stranger: App, api: httpx.AsyncClient
) -> None:
    gizmo = (await api.post("/api/gizmos", json={"name": "First item"})).json()
    path = f"/api/gizmos/{gizmo['id']}"
    for unread in ("/api/gizmos", path, "/api/health", "/nowhere"):
        assert await stranger.fetch("GET", unread) == REFUSED
    other = {"name": "Second item"}
    assert await stranger.fetch("POST", "/api/gizmos", other) == REFUSED
    assert await stranger.fetch("POST", "/api/gizmos", body=json.dumps(other)) == REFUSED
    assert await stranger.fetch("PUT", path, other) == REFUSED
    assert await stranger.fetch("PATCH", path, {"status": "done"}) == REFUSED
    assert await stranger.fetch("DELETE", path) == REFUSED
    assert await stored(api) == [gizmo]
