"""Signing in with Swagger UI's Authorize, as a real Chromium does it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from serving.asgi import Receive, Scope, Send
from tests.browser.conftest import Record
from tests.conftest import bridged
from tests.factory import PASSWORD, settings_for
from tests.live import serving
from tests.sign_in import EMAIL, register, sign_out

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.fixture
def settings(tmp_path: Path, allowed_origin: str) -> Settings:
    return settings_for(tmp_path, AUTH_REQUIRED="on", CORS_ORIGINS=allowed_origin)


@pytest.fixture(params=["", "/shop"], ids=["root", "prefix"])
def served(app: AsyncFlask, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the application, at the root of its server or under a path prefix."""
    application = bridged(app)

    async def under_prefix(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "root_path": request.param}, receive, send)

    with serving(under_prefix) as address:
        yield f"{address}{request.param}"


@pytest_asyncio.fixture(loop_scope="package")
async def user(served: str) -> Any:
    async with httpx.AsyncClient(base_url=served) as client:
        assert (await register(client)).status_code == 201
        yield client


async def authorize(page: Page, password: str) -> Locator:
    """Fill in the dialog's form for the password flow; the form."""
    await page.locator(".auth-wrapper .authorize").click()
    dialog = page.locator(".dialog-ux .modal-ux")
    form = dialog.locator(".auth-container").filter(has_text="oauth2 (OAuth2, password)")
    await form.locator("#oauth_username").fill(EMAIL)
    await form.locator("#oauth_password").fill(password)
    await form.get_by_role("button", name="Apply given OAuth2 credentials").click()
    return form


async def test_authorize_then_create_an_item_until_signed_out(
    page: Page, record: Record, served: str, user: httpx.AsyncClient
) -> None:
    await page.goto(f"{served}/docs")
    form = await authorize(page, PASSWORD)
    await expect(form).to_contain_text("Authorized")
    await page.locator(".dialog-ux .close-modal").click()

    create = page.locator("#operations-items-create_item")
    await create.locator(".opblock-summary-control").click()
    async with page.expect_request("**/api/items") as sent:
        await create.get_by_role("button", name="Execute").click()
    status = create.locator(".live-responses-table .response .response-col_status")
    await expect(status).to_have_text("201")
    bearer = (await (await sent.value).all_headers())["authorization"]
    assert bearer.startswith("Bearer ")
    assert record.faults == []

    assert (await sign_out(user, bearer.removeprefix("Bearer "))).status_code == 204
    await create.get_by_role("button", name="Execute").click()
    await expect(status).to_contain_text("401")
    await expect(create.locator(".live-responses-table")).to_contain_text("/errors/invalid-token")


async def test_authorize_says_what_was_wrong(
    page: Page, served: str, user: httpx.AsyncClient
) -> None:
    await page.goto(f"{served}/docs")
    form = await authorize(page, f"not {PASSWORD}")
    await expect(form.locator(".errors")).to_contain_text("invalid_grant")
    await expect(form.locator(".errors")).to_contain_text("The email address or the password")
