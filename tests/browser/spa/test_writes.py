"""What the example app writes: creating, editing, and what stands in the way of it."""

import contextlib
import re
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Route, expect

from tests.browser.spa.app import App, Hold, create

pytestmark = pytest.mark.asyncio(loop_scope="package")

WRITTEN = {"name", "description", "status", "quantity", "tags"}


async def stored(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    """What clients have written of all items, and their versions."""
    items = (await api.get("/api/items")).json()["items"]
    return [{name: item[name] for name in [*WRITTEN, "version"]} for item in items]


async def change(api: httpx.AsyncClient, **changes: object) -> None:
    """Change the one item, as another user would."""
    [item] = (await api.get("/api/items")).json()["items"]
    response = await api.patch(f"/api/items/{item['id']}", json=changes)
    assert response.status_code == 200


async def test_creates_an_item(spa: App, api: httpx.AsyncClient) -> None:
    await spa.open()
    await expect(spa.page.get_by_text("There are no items yet.")).to_be_visible()
    await spa.button("New item").click()
    await spa.field("Name").fill("Lamps")
    await spa.field("Description").fill("Warm ones.\nTwo.")
    await spa.dialog.get_by_role("radio", name="Doing").check()
    await spa.field("Quantity").fill("2")
    await spa.field("Tags").fill("home")
    await spa.field("Tags").press("Enter")
    await spa.field("Tags").fill("kitchen, upstairs")
    await spa.button("Create").click()
    await spa.says("“Lamps” is created.")
    await spa.shows("Lamps")
    assert await stored(api) == [
        {
            "name": "Lamps",
            "description": "Warm ones.\nTwo.",
            "status": "doing",
            "quantity": 2,
            "tags": ["home", "kitchen, upstairs"],
            "version": 1,
        }
    ]
    assert spa.record.faults == []


async def test_shows_what_is_wrong_at_the_fields(spa: App, api: httpx.AsyncClient) -> None:
    await spa.open()
    await spa.button("New item").click()
    await spa.field("Name").fill(" ")
    await spa.field("Quantity").fill("-1")
    await spa.field("Tags").fill("home")
    await spa.field("Tags").press("Enter")
    await spa.field("Tags").fill("x" * 51)
    await spa.button("Create").click()
    name, quantity, tags = (spa.field(label) for label in ("Name", "Quantity", "Tags"))
    await expect(name).to_have_accessible_description("Must not be blank.")
    await expect(name).to_be_focused()
    await expect(quantity).to_have_accessible_description(re.compile("^Must be greater than"))
    await expect(tags).to_have_accessible_description(re.compile("^Length must be between"))
    await expect(spa.page.locator("[aria-invalid=true]")).to_have_count(3)
    assert await stored(api) == []
    await name.fill("Lamps")
    await quantity.fill("two")
    await tags.fill("kitchen")
    await spa.button("Create").click()
    await expect(quantity).to_have_accessible_description("Write a whole number, such as 2.")
    await expect(quantity).to_be_focused()
    await expect(spa.page.locator("[aria-invalid=true]")).to_have_count(1)
    await quantity.fill("2")
    await spa.button("Create").click()
    await spa.shows("Lamps")
    [item] = await stored(api)
    assert (item["quantity"], item["tags"]) == (2, ["home", "kitchen"])
    assert spa.faults_but(400) == []


async def test_a_write_whose_response_was_lost_is_retried_and_stored_once(
    spa: App, api: httpx.AsyncClient
) -> None:
    async def lose(route: Route) -> None:
        if route.request.method == "POST":
            await route.fetch()  # The server does what it is asked to.
            await route.abort()
        else:
            await route.continue_()

    await spa.open()
    await spa.page.route("**/api/items", lose)
    await spa.button("New item").click()
    await spa.field("Name").fill("Lamps")
    await spa.button("Create").click()
    await expect(spa.page.get_by_role("alert")).to_have_text("There was no answer from the server.")
    await expect(spa.dialog).to_contain_text("it is created only once")
    assert [item["name"] for item in await stored(api)] == ["Lamps"]
    await spa.page.unroute_all()
    await spa.button("Try again").click()
    await spa.says("“Lamps” is created.")
    await spa.shows("Lamps")
    assert len(await stored(api)) == 1


@pytest.mark.parametrize("width", [1280], indirect=True)
async def test_waits_as_long_as_the_server_asks_for(
    spa: App, api: httpx.AsyncClient, tmp_path: Path
) -> None:
    """Another process holds the database's lock, so writes are 503 with Retry-After."""
    await spa.page.clock.install(time=0)
    await spa.open()
    await spa.button("New item").click()
    await spa.field("Name").fill("Lamps")
    await spa.page.clock.pause_at(3600)
    other = sqlite3.connect(tmp_path / "api.db", isolation_level=None)
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        await spa.button("Create").click()
        alert = spa.page.get_by_role("alert")
        await expect(alert).to_contain_text("The database can't be used at the moment.")
        await expect(alert).to_contain_text(re.compile("Request id: [0-9a-f]{32}"))
        waiting = spa.button("Try again in 1 s")
        await expect(waiting).to_be_disabled()
        await waiting.click(force=True)
        await spa.page.clock.run_for(1000)
        await spa.page.clock.resume()
    await spa.button("Try again").click()
    await spa.shows("Lamps")
    assert len(await stored(api)) == 1
    assert spa.faults_but(503) == []


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_an_answer_to_what_was_left_closes_nothing_else(
    spa: App, api: httpx.AsyncClient
) -> None:
    hold = Hold()
    await spa.open()
    await spa.page.route("**/api/items", hold)
    await spa.button("New item").click()
    await spa.field("Name").fill("Lamps")
    await spa.field("Name").press("Enter")
    await hold.sent.wait()
    await spa.button("Cancel").click()
    await spa.button("Discard").click()
    await spa.button("New item").click()
    await spa.field("Name").fill("Bulbs")
    async with spa.page.expect_response("**/api/items?*"):
        hold.released.set()
    await expect(spa.field("Name")).to_have_value("Bulbs")
    assert [item["name"] for item in await stored(api)] == ["Lamps"]


async def test_edits_only_what_was_changed(spa: App, api: httpx.AsyncClient) -> None:
    await create(api, "Lamps", description="Warm ones.", quantity=2, tags=["home", "urgent"])
    await spa.open()
    await spa.button("Edit Lamps").click()
    await expect(spa.field("Description")).to_have_value("Warm ones.")
    await spa.field("Name").fill("Bulbs")
    await spa.field("Description").fill("")
    await spa.button("Remove tag urgent").click()
    await expect(spa.field("Tags")).to_be_focused()
    async with spa.page.expect_request(lambda request: request.method == "PATCH") as sent:
        await spa.button("Save").click()
    request = await sent.value
    assert request.headers["if-match"] == '"1"'
    assert request.post_data_json == {"name": "Bulbs", "description": None, "tags": ["home"]}
    await spa.says("“Bulbs” is saved.")
    await spa.shows("Bulbs")
    [item] = await stored(api)
    assert (item["name"], item["description"], item["tags"]) == ("Bulbs", None, ["home"])
    assert (item["quantity"], item["version"]) == (2, 2)
    await spa.button("Edit Bulbs").click()
    await spa.button("Save").click()
    await expect(spa.dialog).to_have_count(0)
    assert (await stored(api))[0]["version"] == 2
    assert spa.record.faults == []


async def conflict(spa: App, api: httpx.AsyncClient) -> None:
    """Edit an item while another user changes it, and save it."""
    await create(api, "Lamps", description="Warm ones.", quantity=2, status="todo")
    await spa.open()
    await spa.button("Edit Lamps").click()
    await change(api, name="Bulbs", status="doing")
    await spa.field("Name").fill("Lanterns")
    await spa.field("Quantity").fill("3")
    await spa.button("Save").click()
    rows = spa.dialog.get_by_role("row")
    await expect(rows.filter(has_text="Name")).to_have_text("NameLanternsBulbs")
    await expect(rows.filter(has_text="Status")).to_have_text("StatusDoingDoing")
    await expect(rows.filter(has_text="Quantity")).to_have_text("Quantity32")
    await expect(spa.dialog.locator(".differs")).to_have_count(2)


async def test_a_conflict_can_be_resolved_with_the_users_own_changes(
    spa: App, api: httpx.AsyncClient
) -> None:
    await conflict(spa, api)
    await change(api, tags=["late"])
    await spa.button("Keep mine").click()
    await expect(spa.dialog.get_by_role("row").filter(has_text="Tags")).to_have_text("Tagslatelate")
    await spa.button("Keep mine").click()
    await spa.says("“Lanterns” is saved.")
    await spa.shows("Lanterns")
    assert await stored(api) == [
        {
            "name": "Lanterns",
            "description": "Warm ones.",
            "status": "doing",
            "quantity": 3,
            "tags": ["late"],
            "version": 4,
        }
    ]
    assert spa.faults_but(412) == []


async def test_a_conflict_can_be_resolved_with_the_other_version(
    spa: App, api: httpx.AsyncClient
) -> None:
    await conflict(spa, api)
    await spa.button("Take theirs").click()
    await expect(spa.dialog).to_have_count(0)
    await spa.shows("Bulbs")
    [item] = await stored(api)
    assert (item["name"], item["quantity"], item["version"]) == ("Bulbs", 2, 2)
    assert spa.faults_but(412) == []


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_editing_a_deleted_item_keeps_the_typed_text(
    spa: App, api: httpx.AsyncClient
) -> None:
    await create(api, "Lamps")
    await spa.open()
    await spa.button("Edit Lamps").click()
    [item] = (await api.get("/api/items")).json()["items"]
    await api.delete(f"/api/items/{item['id']}")
    await spa.field("Description").fill("A long text.")
    await spa.button("Save").click()
    await expect(spa.page.get_by_role("alert")).to_contain_text("No item has this id.")
    await expect(spa.field("Description")).to_have_value("A long text.")
    assert spa.faults_but(404) == []


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_asks_before_it_discards_what_was_typed(spa: App) -> None:
    await spa.open()
    await spa.button("New item").click()
    await spa.page.keyboard.press("Escape")
    await expect(spa.dialog).to_have_count(0)
    await spa.button("New item").click()
    await spa.field("Name").fill("Lamps")
    await spa.button("Cancel").click()
    await expect(spa.button("Keep editing")).to_be_focused()
    await spa.button("Keep editing").click()
    await expect(spa.field("Name")).to_have_value("Lamps")
    await spa.page.keyboard.press("Escape")
    await spa.button("Discard").click()
    await expect(spa.dialog).to_have_count(0)
    await expect(spa.button("New item")).to_be_focused()
    assert spa.record.faults == []
