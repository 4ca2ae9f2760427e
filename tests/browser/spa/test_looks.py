"""How the example app looks: kept in build/screenshots, and judged by axe-core."""

from typing import Any, Literal

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, expect

from tests.browser.spa.app import App, create
from tests.browser.spa.build import SOURCE
from tests.processes import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="package")

AXE = SOURCE / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "build" / "screenshots"

RULES: dict[Literal["light", "dark"], dict[str, Any]] = {
    "light": {},
    "dark": {"runOnly": ["color-contrast"]},
}
"""What axe-core checks in each colour scheme: everything, and then what depends on the colours."""

ITEMS: list[dict[str, Any]] = [
    {
        "name": "Order two lamps for the kitchen",
        "description": "The warm ones, not the cold white ones from last time.",
        "status": "doing",
        "quantity": 2,
        "tags": ["home", "kitchen"],
    },
    {
        "name": "Renew the passport",
        "description": "Needs a new photo. The office is open on Tuesdays and Thursdays.",
        "quantity": 1,
        "status": "todo",
        "tags": ["errands", "urgent"],
    },
    {
        "name": "Spare bulbs, E27",
        "description": None,
        "status": "done",
        "quantity": 12,
        "tags": ["home", "stock"],
    },
    {
        "name": "Write the release notes",
        "description": "What changes for those who run it comes first.",
        "quantity": 1,
        "status": "todo",
        "tags": ["work"],
    },
    {
        "name": "Return the library books",
        "description": None,
        "status": "done",
        "quantity": 4,
        "tags": ["errands"],
    },
    {
        "name": "Sandpaper, grit 120",
        "description": "For the shelf in the hall.",
        "status": "todo",
        "quantity": 10,
        "tags": ["stock", "workshop"],
    },
]


class Eye:
    """Looks at what the app shows, in both colour schemes."""

    def __init__(self, spa: App, width: int) -> None:
        self.spa = spa
        self.width = width

    async def look(self, name: str) -> None:
        """Keep a screenshot in each scheme; it must fit the width and have no axe violation."""
        page = self.spa.page
        for scheme, rules in RULES.items():
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=SCREENSHOTS / f"{name}-{self.width}-{scheme}.png")
            found = await page.evaluate(
                "rules => axe.run({...rules, resultTypes: ['violations']})", rules
            )
            assert [
                (violation["id"], node["target"], node["failureSummary"])
                for violation in found["violations"]
                for node in violation["nodes"]
            ] == [], (name, scheme)
        assert await page.evaluate("document.documentElement.scrollWidth") == self.width


@pytest_asyncio.fixture(loop_scope="package")
async def eye(spa: App, width: int) -> Eye:
    await spa.page.emulate_media(reduced_motion="reduce")
    await spa.page.add_init_script(path=AXE)
    return Eye(spa, width)


async def test_lists_are_accessible(spa: App, eye: Eye, api: httpx.AsyncClient) -> None:
    await spa.open()
    await expect(spa.page.get_by_text("There are no items yet.")).to_be_visible()
    await eye.look("empty")
    await create(api, *[f"Box {number}" for number in range(1, 16)], tags=["attic"])
    for item in reversed(ITEMS):
        await api.post("/api/items", json=item)
    await spa.page.reload()
    await spa.says("20 of 21")
    await eye.look("list")
    await spa.button("Delete Spare bulbs, E27").click()
    await spa.button("Undo deleting Spare bulbs, E27").hover()  # There, time stands still.
    await eye.look("deleted")
    await spa.button("Undo deleting Spare bulbs, E27").click()
    await spa.page.get_by_role("checkbox", name="To do").check()
    await spa.button("Filter by tag stock").first.click()
    await spa.shows("Sandpaper, grit 120")
    await eye.look("filtered")
    await spa.search.fill("nothing such")
    await expect(spa.page.get_by_text("Nothing matches.")).to_be_visible()
    await eye.look("no-match")


async def test_forms_are_accessible(spa: App, eye: Eye, api: httpx.AsyncClient) -> None:
    for item in reversed(ITEMS):
        await api.post("/api/items", json=item)
    await spa.open()
    await spa.button("New item").click()
    await spa.field("Quantity").fill("-1")
    await spa.field("Tags").fill("home")
    await spa.field("Tags").press("Enter")
    await spa.button("Create").click()
    await expect(spa.field("Name")).to_have_attribute("aria-invalid", "true")
    await eye.look("errors")
    await spa.button("Cancel").click()
    await expect(spa.button("Discard")).to_be_visible()
    await eye.look("discard")
    await spa.button("Discard").click()

    await spa.button("Edit Renew the passport").click()
    [passport] = (await api.get("/api/items?q=passport")).json()["items"]
    changes = {"status": "doing", "description": "The photo is done. Fetch it on Thursday."}
    await api.patch(f"/api/items/{passport['id']}", json=changes)
    await spa.field("Name").fill("Renew both passports")
    await spa.field("Quantity").fill("2")
    await eye.look("edit")
    await spa.button("Save").click()
    await expect(spa.button("Keep mine")).to_be_visible()
    await eye.look("conflict")
    await spa.button("Keep mine").click()
    await spa.says("“Renew both passports” is saved.")
    await eye.look("saved")


async def test_accounts_and_failures_are_accessible(
    spa: App, eye: Eye, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    await create(api, "Lamps")
    await spa.open()
    await spa.button("Sign in").click()
    await eye.look("sign-in")
    await spa.button("Create one").click()
    await eye.look("register")
    await spa.dialog.get_by_label("Email").fill("ada.lovelace@example.com")
    await spa.dialog.get_by_label("Password").fill("correct horse battery staple")
    await spa.button("Create account").click()
    await spa.says("You are signed in as ada.lovelace@example.com.")
    await expect(spa.page.get_by_text("There are no items yet.")).to_be_visible()
    await eye.look("signed-in")
    await context.set_offline(True)
    await spa.page.get_by_role("checkbox", name="To do").check()
    await expect(spa.button("Try again")).to_be_visible()
    await eye.look("no-answer")
    await spa.button("Sign out").click()
    await expect(spa.button("Dismiss")).to_be_visible()
    await eye.look("failure")
