"""Deleting in the example app: nothing is sent while it can still be undone."""

import asyncio
import re

import httpx
import pytest
from playwright.async_api import Locator, expect

from tests.browser.spa.app import App, create
from tests.live import HUNG

pytestmark = pytest.mark.asyncio(loop_scope="package")

UNDO_FOR = 8
"""Seconds that the app leaves for an undo."""


async def names(api: httpx.AsyncClient) -> list[str]:
    return [item["name"] for item in (await api.get("/api/items")).json()["items"]]


def undo(spa: App, name: str) -> Locator:
    return spa.button(f"Undo deleting {name}")


async def open_with_its_clock_stopped(spa: App) -> None:
    await spa.page.clock.install(time=0)
    await spa.open()
    await spa.page.clock.pause_at(3600)


async def pass_time(spa: App, seconds: int) -> None:
    await spa.page.clock.run_for(seconds * 1000)


async def test_a_deletion_is_undone(spa: App, api: httpx.AsyncClient) -> None:
    await create(api, "Lamps", "Bulbs")
    await open_with_its_clock_stopped(spa)
    await spa.button("Delete Lamps").click()
    await spa.shows("Bulbs")
    await undo(spa, "Lamps").click()
    await spa.shows("Lamps", "Bulbs")
    await expect(spa.button("Delete Lamps")).to_be_focused()
    await pass_time(spa, 10 * UNDO_FOR)
    await spa.page.clock.resume()
    await spa.page.reload()
    await spa.shows("Lamps", "Bulbs")
    assert await names(api) == ["Lamps", "Bulbs"]
    assert spa.record.faults == []


async def test_a_deletion_is_sent_when_its_time_is_up(spa: App, api: httpx.AsyncClient) -> None:
    await create(api, "Lamps", "Bulbs")
    await open_with_its_clock_stopped(spa)
    await spa.button("Delete Lamps").click()
    await expect(undo(spa, "Lamps")).to_be_focused()
    await spa.search.hover()  # Under the pointer, time would stand still.
    assert await names(api) == ["Lamps", "Bulbs"]
    async with spa.page.expect_response(lambda r: r.request.method == "DELETE") as answer:
        await pass_time(spa, UNDO_FOR)
    assert (await answer.value).status == 204
    assert (await answer.value).request.headers["if-match"] == '"1"'
    await expect(undo(spa, "Lamps")).to_have_count(0)
    await expect(spa.button("Delete Bulbs")).to_be_focused()
    await spa.says("1 item")
    assert await names(api) == ["Bulbs"]
    assert spa.record.faults == []


@pytest.mark.parametrize("width", [1280], indirect=True)
async def test_time_stands_still_under_the_pointer(spa: App, api: httpx.AsyncClient) -> None:
    await create(api, "Lamps", "Bulbs")
    await open_with_its_clock_stopped(spa)
    await spa.button("Delete Lamps").click()
    await undo(spa, "Lamps").hover()
    await pass_time(spa, 10 * UNDO_FOR)
    await undo(spa, "Lamps").click()
    await spa.shows("Lamps", "Bulbs")
    assert await names(api) == ["Lamps", "Bulbs"]


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_a_list_loaded_after_a_deletion_lacks_the_deleted_item(
    spa: App, api: httpx.AsyncClient
) -> None:
    await create(api, "Lamps", "Bulbs")
    await spa.open()
    await spa.button("Delete Lamps").click()
    async with spa.page.expect_response(lambda r: "sort=created_at" in r.url):
        await spa.page.get_by_role("combobox", name="Order").select_option("Oldest first")
    await spa.says("1 item")
    await spa.shows("Bulbs")
    assert await names(api) == ["Bulbs"]
    assert spa.record.faults == []


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_leaving_the_page_ends_the_chance_to_undo(spa: App, api: httpx.AsyncClient) -> None:
    await create(api, "Lamps", "Bulbs")
    await spa.open()
    await spa.button("Delete Lamps").click()
    await spa.page.goto("about:blank")
    async with asyncio.timeout(HUNG):
        while await names(api) != ["Bulbs"]:
            pass


@pytest.mark.parametrize("width", [1280], indirect=True)
async def test_an_item_changed_by_another_user_meanwhile_is_not_deleted(
    spa: App, api: httpx.AsyncClient
) -> None:
    await create(api, "Lamps", "Bulbs")
    await open_with_its_clock_stopped(spa)
    await spa.button("Delete Lamps").click()
    item = (await api.get("/api/items")).json()["items"][0]
    await api.patch(f"/api/items/{item['id']}", json={"name": "Lanterns"})
    await spa.search.hover()
    await pass_time(spa, UNDO_FOR)
    await spa.page.clock.resume()
    alert = spa.page.get_by_role("alert")
    await expect(alert).to_contain_text("“Lamps” was not deleted: somebody else has changed it")
    await expect(alert).to_contain_text(re.compile("Request id: [0-9a-f]{32}"))
    await spa.shows("Lanterns", "Bulbs")
    await spa.button("Dismiss").click()
    await expect(alert).to_have_count(0)
    assert spa.faults_but(412) == []


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_deleting_an_item_that_is_already_gone_succeeds(
    spa: App, api: httpx.AsyncClient
) -> None:
    await create(api, "Lamps", "Bulbs")
    await open_with_its_clock_stopped(spa)
    await spa.button("Delete Lamps").click()
    item = (await api.get("/api/items")).json()["items"][0]
    await api.delete(f"/api/items/{item['id']}")
    await spa.search.hover()
    await pass_time(spa, UNDO_FOR)
    await spa.says("1 item")
    await spa.shows("Bulbs")
    await expect(spa.page.get_by_role("alert")).to_have_count(0)
    assert spa.faults_but(404) == []
