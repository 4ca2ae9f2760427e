"""The example app by keyboard alone."""

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.spa.app import App, create

pytestmark = pytest.mark.asyncio(loop_scope="package")

OUTLINE = """() => {
    const focused = document.activeElement;
    // What is seen of a checkbox or a radio button is its label.
    const seen = focused.matches("[type=checkbox], [type=radio]") ? focused.parentElement : focused;
    const { outlineStyle, outlineWidth } = getComputedStyle(seen);
    return outlineStyle === "solid" && parseFloat(outlineWidth) >= 2;
}"""
NAME = """() => {
    const focused = document.activeElement;
    return focused === document.body ? null : focused.ariaLabel || focused.labels?.[0]?.innerText
        || focused.innerText;
}"""


async def stops(spa: App) -> list[str]:
    """The names of all that Tab comes to, from where the focus is until it leaves the page."""
    names: list[str] = []
    while True:
        await spa.page.keyboard.press("Tab")
        name = await spa.page.evaluate(NAME)
        if name is None:
            return names
        assert await spa.page.evaluate(OUTLINE), f"the focus on {name} can't be seen"
        names.append(name.strip())


async def test_tab_comes_to_everything_in_the_order_of_reading(
    spa: App, api: httpx.AsyncClient
) -> None:
    await create(api, "Lamps", tags=["home"])
    await spa.open()
    assert await stops(spa) == [
        "Sign in",
        "New item",
        "Search items",
        "To do",
        "Doing",
        "Done",
        "Order",
        "Filter by tag home",
        "Edit Lamps",
        "Delete Lamps",
    ]


async def test_an_item_is_created_changed_and_deleted(spa: App, api: httpx.AsyncClient) -> None:
    """What is pressed is chosen by the focus alone: each step starts where the last one ended."""
    keyboard = spa.page.keyboard

    async def tab_to(name: str) -> None:
        for _ in range(12):
            await keyboard.press("Tab")
            if await spa.page.evaluate(NAME) == name:
                return
        pytest.fail(f"Tab doesn't come to {name}")

    await spa.open()
    await tab_to("New item")
    await keyboard.press("Enter")
    await expect(spa.field("Name")).to_be_focused()
    await keyboard.type("Lamps")
    await tab_to("To do")
    await keyboard.press("ArrowRight")
    await tab_to("Tags")
    await keyboard.type("home")
    await keyboard.press("Enter")
    await keyboard.type("kitchen")
    await keyboard.press("Enter")
    await keyboard.press("Enter")
    await spa.shows("Lamps")
    await expect(spa.button("New item")).to_be_focused()
    [item] = (await api.get("/api/items")).json()["items"]
    assert (item["status"], item["tags"]) == ("doing", ["home", "kitchen"])

    await tab_to("Edit Lamps")
    await keyboard.press("Enter")
    await expect(spa.field("Name")).to_be_focused()
    await keyboard.press("ControlOrMeta+A")
    await keyboard.type("Bulbs")
    await keyboard.press("Enter")
    await spa.shows("Bulbs")
    await expect(spa.button("Edit Bulbs")).to_be_focused()

    await spa.page.clock.install()
    await tab_to("Delete Bulbs")
    await keyboard.press("Enter")
    await expect(spa.button("Undo deleting Bulbs")).to_be_focused()
    await spa.page.clock.fast_forward(100_000)  # As long as the focus is there, time stands still.
    await keyboard.press("Enter")
    await expect(spa.button("Delete Bulbs")).to_be_focused()
    await keyboard.press("Enter")
    await keyboard.press("Shift+Tab")
    async with spa.page.expect_response(lambda r: r.request.method == "DELETE"):
        await spa.page.clock.fast_forward(100_000)
    await expect(spa.page.get_by_text("There are no items yet.")).to_be_visible()
    assert (await api.get("/api/items")).json()["items"] == []
    assert spa.record.faults == []


async def test_the_focus_stays_in_a_dialog_and_returns_from_it(spa: App) -> None:
    await spa.open()
    await spa.button("New item").focus()
    await spa.page.keyboard.press("Enter")
    inside = await stops(spa)
    assert inside == ["Description", "To do", "Quantity", "Tags", "Cancel", "Create"]
    await spa.page.keyboard.press("Escape")
    await expect(spa.dialog).to_have_count(0)
    await expect(spa.button("New item")).to_be_focused()
