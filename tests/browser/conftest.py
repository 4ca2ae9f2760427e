"""A real Chromium, pages of other origins for it, and a record of what goes wrong in it."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    async_playwright,
    expect,
)

from api.config.settings import Settings
from tests.browser.origin import serve_origin
from tests.factory import settings_for
from tests.live import HUNG

expect.set_options(timeout=HUNG * 1000)

ARGUMENTS = [
    "--no-sandbox",  # which Chromium refuses to do without when it runs as root
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]


@dataclass
class Record:
    """Every request of a page, and everything that a developer would see go wrong."""

    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    """Requests that the page cancelled, or that were cancelled because the page was left."""

    @property
    def hosts(self) -> set[str]:
        """Host and port of all requests."""
        return {urlsplit(url).netloc for url in self.requests}

    def watch(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("requestfailed", self.add_failure)
        context.on("weberror", lambda error: self.faults.append(f"exception: {error.error}"))
        context.on("console", self.add_message)

    def add_failure(self, request: Request) -> None:
        told = self.given_up if "net::ERR_ABORTED" in str(request.failure) else self.faults
        told.append(f"failed: {request.method} {request.url}: {request.failure}")

    def add_message(self, message: ConsoleMessage) -> None:
        """A violation of the Content-Security-Policy is an error in the console too."""
        if message.type in {"error", "warning", "assert"}:
            self.faults.append(f"{message.type}: {message.text}")


@pytest.fixture(scope="package")
def chromium() -> str:
    """The path of Debian's Chromium, if possible without its windows, which take a second of
    computing time per test. Without one the tests are skipped, except in CI."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        missing = "these tests need Chromium: apt-get install chromium-headless-shell"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return path


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="package")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A profile of its own for each test; nothing is taken from a cache."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="package")
async def record(context: BrowserContext) -> Record:
    record = Record()
    record.watch(context)
    return record


@pytest_asyncio.fixture(loop_scope="package")
async def page(context: BrowserContext, record: Record) -> Page:
    """An empty page; `record` sees all that happens in it."""
    return await context.new_page()


@pytest_asyncio.fixture(loop_scope="package")
async def api(live: str) -> AsyncIterator[httpx.AsyncClient]:
    """The same server, asked without a browser."""
    async with httpx.AsyncClient(base_url=live) as client:
        yield client


@pytest.fixture
def allowed_origin() -> Iterator[str]:
    """A web site of another origin that CORS_ORIGINS names."""
    with serve_origin() as origin:
        yield origin


@pytest.fixture
def other_origin() -> Iterator[str]:
    """A web site of another origin that is named nowhere."""
    with serve_origin() as origin:
        yield origin


@pytest.fixture
def settings(tmp_path: Path, allowed_origin: str) -> Settings:
    return settings_for(tmp_path, CORS_ORIGINS=allowed_origin)
