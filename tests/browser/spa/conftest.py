"""The example app in a browser, at the width of a phone and of a desk, with a live API."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.browser.conftest import Record
from tests.browser.origin import running
from tests.browser.spa.app import App
from tests.browser.spa.build import Site, build, missing


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's files: built by the first of the test processes, while the others wait."""
    if what := missing():
        if os.environ.get("CI"):
            pytest.fail(what)
        pytest.skip(what)
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "spa.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "spa").exists():
            build(folder / "spa")
    return folder / "spa"


@pytest.fixture
def site(built: Path) -> Iterator[Site]:
    with running(Site(built)) as site:
        yield site


@pytest.fixture
def allowed_origin(site: Site) -> str:
    """The app's own origin is the one that CORS_ORIGINS names."""
    return site.origin


@pytest.fixture(params=[1280, pytest.param(390, marks=pytest.mark.long)])
def width(request: pytest.FixtureRequest) -> int:
    """The width of the window in pixels; tests that use it run once with each."""
    width: int = request.param
    return width


@pytest_asyncio.fixture(loop_scope="package")
async def spa(page: Page, record: Record, site: Site, live: str, width: int) -> App:
    """The app, not opened yet."""
    site.api = live
    await page.set_viewport_size({"width": width, "height": 844})
    return App(page, record, site.origin)
