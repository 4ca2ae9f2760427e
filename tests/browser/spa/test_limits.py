"""The example app where the API answers no more for a while."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from api.config.settings import Settings
from tests.browser.spa.app import App
from tests.factory import settings_for

pytestmark = pytest.mark.asyncio(loop_scope="package")

REFUSED = re.compile(r"Too many requests: try again in \d+ s\.")
WAITING = re.compile(r"^Try again in \d+ s$")


@pytest.fixture
def settings(tmp_path: Path, allowed_origin: str) -> Settings:
    """One request is answered, and then none for the rest of an hour."""
    return settings_for(tmp_path, CORS_ORIGINS=allowed_origin, RATE_LIMIT="1/hour")


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_a_rate_limit_shows_the_wait_and_keeps_the_typed_text(spa: App) -> None:
    await spa.open()
    await spa.page.get_by_role("combobox", name="Order").select_option("Oldest first")
    alert = spa.page.get_by_role("alert")
    await expect(alert).to_contain_text(REFUSED)
    await expect(alert).to_contain_text(re.compile("Request id: [0-9a-f]{32}"))
    await expect(spa.page.get_by_role("button", name=WAITING)).to_be_disabled()

    await spa.button("New item").click()
    await spa.field("Name").fill("Lamps")
    await spa.field("Name").press("Enter")
    await expect(spa.dialog.get_by_role("alert")).to_contain_text(REFUSED)
    await expect(spa.dialog.get_by_role("button", name=WAITING)).to_be_disabled()
    await expect(spa.field("Name")).to_have_value("Lamps")
    assert spa.faults_but(429) == []
