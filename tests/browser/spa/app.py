"""The example app as its users know it: by what can be read and pressed."""

import asyncio
import contextlib

import httpx
from playwright.async_api import Error, Locator, Page, Route, expect

from tests.browser.conftest import Record
from tests.items import item_input


class App:
    """The app at `origin` in `page`."""

    def __init__(self, page: Page, record: Record, origin: str) -> None:
        self.page = page
        self.record = record
        self.origin = origin

    async def open(self, query: str = "") -> None:
        """Load the app and wait for its first list."""
        await self.page.goto(f"{self.origin}/{query}")
        await expect(self.page.get_by_role("region", name="List")).to_have_attribute(
            "aria-busy", "false"
        )

    @property
    def names(self) -> Locator:
        return self.page.get_by_role("heading", level=3)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def search(self) -> Locator:
        return self.page.get_by_role("searchbox")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def field(self, label: str) -> Locator:
        return self.dialog.get_by_role("textbox", name=label)

    async def shows(self, *names: str) -> None:
        """Wait until these items are listed, in this order, and no others."""
        await expect(self.names).to_have_text(list(names))

    async def says(self, text: str) -> None:
        """Wait until screen readers get the text; it may have disappeared from the screen again."""
        await expect(self.page.get_by_role("status").filter(has_text=text)).to_have_count(1)

    def faults_but(self, *statuses: int) -> list[str]:
        """What went wrong besides answers of these statuses, which a browser reports too."""
        expected = tuple(f"with a status of {status} " for status in statuses)
        return [fault for fault in self.record.faults if not any(e in fault for e in expected)]


class Hold:
    """A route handler that holds requests back until they are released."""

    def __init__(self) -> None:
        self.sent = asyncio.Event()
        self.released = asyncio.Event()

    async def __call__(self, route: Route) -> None:
        self.sent.set()
        await self.released.wait()
        with contextlib.suppress(Error):  # The app may have given the request up.
            await route.continue_()


async def create(api: httpx.AsyncClient, *names: str, **fields: object) -> None:
    """Create items that differ by name, the first of them last: so it is the newest."""
    for name in reversed(names):
        response = await api.post("/api/items", json=item_input(name=name, **fields))
        assert response.status_code == 201
