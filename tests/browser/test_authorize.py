"""Registering and signing in with Swagger UI, as a real Chromium does it."""

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


@pytest.fixture
def prefix() -> str:
    return ""


@pytest.fixture
def served(app: AsyncFlask, prefix: str) -> Iterator[str]:
    """The address of the application, at the root of its server or under a path prefix."""
    application = bridged(app)

    async def under_prefix(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "root_path": prefix}, receive, send)

    with serving(under_prefix) as address:
        yield f"{address}{prefix}"


@pytest_asyncio.fixture(loop_scope="package")
async def user(served: str) -> Any:
    async with httpx.AsyncClient(base_url=served) as client:
        assert (await register(client)).status_code == 201
        yield client


async def sign_in(page: Page, password: str) -> Locator:
    """Fill in the first form of the dialog, with the keyboard alone; the form."""
    await page.locator(".auth-wrapper .authorize").click()
    form = page.locator(".dialog-ux .auth-container").first
    await expect(form.get_by_label("Email")).to_be_focused()
    await page.keyboard.type(EMAIL)
    await page.keyboard.press("Tab")
    await page.keyboard.type(password)
    await page.keyboard.press("Enter")
    return form


async def create_gizmo(page: Page) -> Locator:
    """Execute create_gizmo with its example; the cell with the status of the response."""
    create = page.locator("#operations-gizmos-create_gizmo")
    await create.locator(".opblock-summary-control").click()
    await create.get_by_role("button", name="Execute").click()
    return create.locator(".live-responses-table .response .response-col_status")


@pytest.mark.parametrize("prefix", ["", "/shop"])
async def test_signing_in_lasts_until_signed_out(
    page: Page, record: Record, served: str, user: httpx.AsyncClient
) -> None:
    await page.goto(f"{served}/docs")
    async with page.expect_response("**/api/auth/token") as answered:
        form = await sign_in(page, PASSWORD)
    await expect(form).to_contain_text("Signed in")
    pair = await (await answered.value).json()
    kept = await page.evaluate("localStorage.authorized")
    assert pair["access_token"] in kept
    assert pair["refresh_token"] not in kept
    assert [secret for secret in (EMAIL, PASSWORD) if secret in kept] == []

    await page.reload()
    async with page.expect_request("**/api/gizmos") as sent:
        status = await create_gizmo(page)
    await expect(status).to_have_text("201")
    sent_headers = await (await sent.value).all_headers()
    assert sent_headers["authorization"] == f"Bearer {pair['access_token']}"

    await page.locator(".auth-wrapper .authorize").click()
    await form.get_by_role("button", name="Sign out").click()
    await expect(form.get_by_label("Email")).to_be_visible()
    assert await page.evaluate("localStorage.authorized") == "{}"
    assert record.faults == []


async def test_a_session_that_has_ended_is_a_problem(
    page: Page, served: str, user: httpx.AsyncClient
) -> None:
    await page.goto(f"{served}/docs")
    async with page.expect_response("**/api/auth/token") as answered:
        await sign_in(page, PASSWORD)
    pair = await (await answered.value).json()
    assert (await sign_out(user, pair["access_token"])).status_code == 204
    await page.locator(".dialog-ux .close-modal").click()
    await expect(await create_gizmo(page)).to_contain_text("401")
    answer = page.locator("#operations-gizmos-create_gizmo .live-responses-table")
    await expect(answer).to_contain_text("/errors/invalid-token")


async def test_the_dialog_asks_for_email_and_password_first_and_for_no_client(
    page: Page, served: str
) -> None:
    await page.goto(f"{served}/docs")
    await page.locator(".auth-wrapper .authorize").click()
    dialog = page.locator(".dialog-ux .modal-ux-content")
    fields = await dialog.locator("input").evaluate_all("fields => fields.map(f => f.name)")
    assert fields[:2] == ["username", "password"]
    text = (await dialog.inner_text()).lower()
    assert [word for word in ("client", "scope", "flow") if word in text] == []


async def test_authorize_says_what_was_wrong(
    page: Page, served: str, user: httpx.AsyncClient
) -> None:
    await page.goto(f"{served}/docs")
    form = await sign_in(page, f"not {PASSWORD}")
    await expect(form.locator(".errors")).to_contain_text("invalid_grant")
    await expect(form.locator(".errors")).to_contain_text("The email address or the password")


async def test_registering_with_the_untouched_example_creates_no_account(
    page: Page, served: str
) -> None:
    await page.goto(f"{served}/docs")
    register = page.locator("#operations-auth-register_user")
    await register.locator(".opblock-summary-control").click()
    await register.get_by_role("button", name="Execute").click()
    answer = register.locator(".live-responses-table .response")
    await expect(answer.locator(".response-col_status")).to_contain_text("400")
    await expect(answer).to_contain_text("Replace the example with a password of your own.")
