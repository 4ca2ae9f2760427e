"""Two accounts that take turns in one browser: neither is shown the other's data."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page

from api.config.settings import Settings
from tests.factory import PASSWORD, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="package")

FETCH = """async ([url, token]) => {
    const response = await fetch(url, {headers: {Authorization: `Bearer ${token}`}});
    return await response.text();
}"""
ACCOUNTS = ["ada@example.com", "grace@example.com"]


@pytest.fixture
def settings(tmp_path: Path, allowed_origin: str) -> Settings:
    return settings_for(tmp_path, AUTH_REQUIRED="on", CORS_ORIGINS=allowed_origin)


@pytest_asyncio.fixture(loop_scope="package")
async def tokens(api: httpx.AsyncClient) -> list[str]:
    """An access token for each account."""
    issued = []
    for email in ACCOUNTS:
        account = {"email": email, "password": PASSWORD}
        assert (await api.post("/api/auth/register", json=account)).status_code == 201
        form = {"grant_type": "password", "username": email, "password": PASSWORD}
        issued.append((await api.post("/api/auth/token", data=form)).json()["access_token"])
    return issued


async def shown(page: Page, url: str, token: str) -> Any:
    """What the page's script gets, from the server or from the browser's cache."""
    return json.loads(await page.evaluate(FETCH, [url, token]))


async def test_each_user_reads_their_own_account(
    page: Page, live: str, allowed_origin: str, tokens: list[str]
) -> None:
    await page.goto(allowed_origin)
    for _ in range(2):
        seen = [(await shown(page, f"{live}/api/users/me", token))["email"] for token in tokens]
        assert seen == ACCOUNTS


async def test_each_account_is_shown_its_own_gizmos(
    page: Page, live: str, allowed_origin: str, api: httpx.AsyncClient, tokens: list[str]
) -> None:
    ada, grace = tokens
    headers = {"Authorization": f"Bearer {ada}"}
    created = await api.post("/api/gizmos", json={"name": "Ada's"}, headers=headers)
    gizmo, path = created.json(), created.headers["Location"]
    await page.goto(allowed_origin)
    for _ in range(2):
        assert (await shown(page, f"{live}/api/gizmos", ada))["gizmos"] == [gizmo]
        assert (await shown(page, f"{live}/api/gizmos", grace))["gizmos"] == []
        assert await shown(page, live + path, ada) == gizmo
        assert (await shown(page, live + path, grace))["status"] == 404
