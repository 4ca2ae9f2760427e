"""Lists in the example app: pages, search, filters, order."""

import httpx
import pytest
from playwright.async_api import BrowserContext, expect

from tests.browser.spa.app import App, Hold, create

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_pages_follow_each_other_to_the_end(spa: App, api: httpx.AsyncClient) -> None:
    names = [f"Item {number}" for number in range(45)]
    await create(api, *names)
    await spa.open()
    await spa.says("20 of 45")
    await spa.shows(*names[:20])
    await spa.button("Show more").click()
    await spa.says("40 of 45")
    await spa.button("Show more").click()
    await spa.says("45 items")
    await spa.shows(*names)
    await expect(spa.page.get_by_role("heading", name="List")).to_be_focused()
    await expect(spa.button("Show more")).to_have_count(0)
    assert spa.record.faults == []


async def test_a_search_begins_with_half_a_word_and_survives_a_reload(
    spa: App, api: httpx.AsyncClient
) -> None:
    await create(api, "Lamps for the kitchen", "Kitten food", "Sandpaper", description=None)
    await spa.open()
    await spa.search.fill("lamps kit")
    await spa.shows("Lamps for the kitchen")
    await spa.says("1 item")
    await spa.page.reload()
    await spa.shows("Lamps for the kitchen")
    await expect(spa.search).to_have_value("lamps kit")
    await spa.search.fill("kit")
    await spa.shows("Lamps for the kitchen", "Kitten food")
    await spa.search.fill("nothing such")
    await expect(spa.page.get_by_text("Nothing matches.")).to_be_visible()
    await spa.button("Show all items").click()
    await spa.shows("Lamps for the kitchen", "Kitten food", "Sandpaper")
    await expect(spa.search).to_have_value("")
    assert spa.record.faults == []


async def test_statuses_tags_and_order_narrow_the_list_together(
    spa: App, api: httpx.AsyncClient
) -> None:
    await create(api, "Bulbs", "Aerial", status="todo", tags=["home", "stock"])
    await create(api, "Screws", status="done", tags=["stock"])
    await create(api, "Carpet", status="doing", tags=["home"])
    await spa.open()
    await spa.page.get_by_role("checkbox", name="To do").check()
    await spa.page.get_by_role("checkbox", name="Done").check()
    await spa.shows("Screws", "Bulbs", "Aerial")
    await spa.page.get_by_role("combobox", name="Order").select_option("Name, A to Z")
    await spa.shows("Aerial", "Bulbs", "Screws")
    await spa.button("Filter by tag home").first.click()
    await spa.shows("Aerial", "Bulbs")
    await spa.open("?status=done&tag=stock&sort=name&status=nonsense")
    await spa.shows("Screws")
    await spa.button("Stop filtering by tag stock").click()
    await spa.page.get_by_role("checkbox", name="Done").uncheck()
    await spa.shows("Aerial", "Bulbs", "Carpet", "Screws")
    assert spa.record.faults == []


@pytest.mark.parametrize("width", [1280], indirect=True)
async def test_an_answer_that_comes_too_late_is_dropped(spa: App, api: httpx.AsyncClient) -> None:
    await create(api, "Lamp", "Ladder", description=None)
    await spa.open()
    hold = Hold()
    await spa.page.route("**/api/items?*q=lam*", hold)
    await spa.search.fill("lam")
    await hold.sent.wait()
    await spa.search.fill("lad")
    await spa.shows("Ladder")
    hold.released.set()
    await spa.page.unroute_all(behavior="wait")
    await spa.search.fill("")
    await spa.shows("Lamp", "Ladder")
    assert spa.record.faults == []
    assert len(spa.record.given_up) == 1


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_a_missing_response_is_reported_and_the_request_retried(
    spa: App, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    await create(api, *[f"Item {number}" for number in range(21)])
    await spa.open()
    await context.set_offline(True)
    await spa.button("Show more").click()
    alert = spa.page.get_by_role("alert")
    await expect(alert).to_have_text("There was no answer from the server.")
    await expect(spa.page.get_by_text("Is the API running")).to_contain_text(spa.origin)
    await expect(spa.names).to_have_count(20)
    await context.set_offline(False)
    await spa.button("Try again").click()
    await expect(spa.names).to_have_count(21)
    await expect(alert).to_have_count(0)
