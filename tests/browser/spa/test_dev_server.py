"""What `make spa` starts: Vite's own server, which has another page and another policy."""

import contextlib
import os
import re
import socket
import subprocess
from collections.abc import Iterator

import pytest
from playwright.async_api import Page

from api.config.settings import DEVELOPMENT_ORIGINS
from tests.browser.conftest import Record
from tests.browser.spa.app import App
from tests.browser.spa.build import SOURCE

VITE = ["node", "node_modules/vite/bin/vite.js"]


@pytest.fixture
def port(built: object) -> int:
    """A port that is free; `built` sees to it that Vite is there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def allowed_origin(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def dev_server(port: int, api: str) -> Iterator[None]:
    with subprocess.Popen(
        [*VITE, "--host", "127.0.0.1", "--port", str(port)],
        cwd=SOURCE,
        env={**os.environ, "VITE_API_URL": api, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert any("Local:" in line for line in process.stdout)
            yield
        finally:
            process.terminate()


@pytest.mark.asyncio(loop_scope="package")
async def test_the_app_works_on_the_development_server(
    page: Page, record: Record, port: int, allowed_origin: str, live: str
) -> None:
    with dev_server(port, live):
        spa = App(page, record, allowed_origin)
        await spa.open()
        await spa.button("New item").click()
        await spa.field("Name").fill("Lamps")
        await spa.button("Create").click()
        await spa.shows("Lamps")
        await page.close()
    # Vite may load the page again once it has put its dependencies together.
    assert record.faults == []


def test_the_development_server_has_an_origin_that_the_api_allows_by_default() -> None:
    config = (SOURCE / "vite.config.ts").read_text()
    found = re.search(r'host: "(\w+)", port: \d+, strictPort: true', config)
    assert found is not None
    assert f"http://{found[1]}:*" in DEVELOPMENT_ORIGINS.split()
