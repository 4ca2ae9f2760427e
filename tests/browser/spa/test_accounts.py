"""Accounts in the example app, with an API that requires sign-in."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from api.config.settings import Settings
from tests.browser.spa.app import App, Hold
from tests.factory import settings_for
from tests.live import HUNG

pytestmark = pytest.mark.asyncio(loop_scope="package")

PASSWORD = "correct horse battery staple"
STORED = "items-session"

STAND_STILL = """() => {
    const stale = localStorage.getItem("items-session");
    const { getItem } = Storage.prototype;
    const { request } = navigator.locks;
    let still = true;
    Storage.prototype.getItem = function (key) {
        return still && key === "items-session" ? stale : getItem.call(this, key);
    };
    window.addEventListener("storage", (event) => still && event.stopImmediatePropagation(), true);
    window.refused = new Promise((resolve) => {
        navigator.locks.request = function (name, ...others) {
            const work = others.pop();
            return request.call(this, name, ...others, (lock) => {
                if (lock === null) resolve();
                return work(lock);
            });
        };
    });
    window.goOn = () => {
        still = false;
        window.dispatchEvent(new Event("storage"));
    };
}"""
"""What other tabs write stays unseen until goOn(), as it does for a moment where tabs are processes
of their own. `refused`: once somebody else has a lock that was asked for."""


@pytest.fixture
def settings(tmp_path: Path, allowed_origin: str) -> Settings:
    return settings_for(tmp_path, CORS_ORIGINS=allowed_origin, AUTH_REQUIRED="true")


async def register(api: httpx.AsyncClient, email: str) -> None:
    response = await api.post("/api/auth/register", json={"email": email, "password": PASSWORD})
    assert response.status_code == 201


async def sign_in(spa: App, email: str) -> None:
    await spa.page.get_by_role("banner").get_by_role("button", name="Sign in").click()
    await spa.dialog.get_by_label("Email").fill(email)
    await spa.dialog.get_by_label("Password").fill(PASSWORD)
    await spa.dialog.get_by_label("Password").press("Enter")
    await spa.says(f"You are signed in as {email}.")


async def create_item(spa: App, name: str) -> None:
    await spa.button("New item").click()
    await spa.field("Name").fill(name)
    await spa.field("Name").press("Enter")
    await spa.says(f"“{name}” is created.")


async def session(page: Page) -> dict[str, str]:
    """What the app has kept of the session."""
    kept: dict[str, str] = json.loads(await page.evaluate(f"localStorage['{STORED}']"))
    return kept


async def spoil_access_token(page: Page) -> None:
    """The server refuses it from now on, as it does when one has expired."""
    kept = {**await session(page), "accessToken": "no-token"}
    await page.evaluate(f"kept => localStorage['{STORED}'] = JSON.stringify(kept)", kept)


def token_requests(spa: App) -> int:
    """How many there were until now, in all tabs."""
    return sum(url.endswith("/api/auth/token") for url in spa.record.requests)


async def other_tab(spa: App, api: httpx.AsyncClient, context: BrowserContext) -> App:
    """A second one beside `spa`, both signed in and showing one item, Lamps."""
    await register(api, "ada@example.com")
    await spa.open()
    await sign_in(spa, "ada@example.com")
    await create_item(spa, "Lamps")
    other = App(await context.new_page(), spa.record, spa.origin)
    await other.open()
    await other.shows("Lamps")
    return other


async def test_registers_signs_out_and_in_and_sees_only_own_items(
    spa: App, api: httpx.AsyncClient
) -> None:
    await spa.open()
    await expect(spa.page.get_by_text("Sign in to see your items.")).to_be_visible()
    await spa.page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await spa.button("Create one").click()
    email, password = spa.dialog.get_by_label("Email"), spa.dialog.get_by_label("Password")
    await email.fill("ada")
    await password.fill("too short")
    await spa.button("Create account").click()
    await expect(email).to_be_focused()
    await expect(email).to_have_attribute("aria-invalid", "true")
    await expect(password).to_have_attribute("aria-invalid", "true")
    await email.fill("ada@example.com")
    await password.fill(PASSWORD)
    await spa.button("Create account").click()
    await spa.says("You are signed in as ada@example.com.")
    await expect(spa.page.get_by_text("There are no items yet.")).to_be_visible()
    await create_item(spa, "Lamps of Ada")
    await spa.shows("Lamps of Ada")
    kept = await session(spa.page)

    await spa.button("Sign out").click()
    await spa.says("You are signed out.")
    await expect(spa.page.get_by_text("Sign in to see your items.")).to_be_visible()
    await spa.shows()
    assert await spa.page.evaluate("localStorage.length") == 0
    headers = {"Authorization": f"Bearer {kept['accessToken']}"}
    assert (await api.get("/api/items", headers=headers)).status_code == 401

    await register(api, "grace@example.com")
    await sign_in(spa, "grace@example.com")
    await expect(spa.page.get_by_text("There are no items yet.")).to_be_visible()
    await spa.button("Sign out").click()
    await sign_in(spa, "ada@example.com")
    await spa.shows("Lamps of Ada")
    assert spa.faults_but(400, 401) == []


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_explains_why_the_user_is_signed_out(spa: App, api: httpx.AsyncClient) -> None:
    await register(api, "ada@example.com")
    await spa.open()
    await spa.page.get_by_role("banner").get_by_role("button", name="Sign in").click()
    email, password = spa.dialog.get_by_label("Email"), spa.dialog.get_by_label("Password")
    alert = spa.dialog.get_by_role("alert")
    await email.fill("ada@example.com")
    await password.fill("something else")
    await spa.dialog.get_by_role("button", name="Sign in").click()
    await expect(alert).to_contain_text("The email address or the password is wrong.")
    await email.fill("x" * 255)
    await spa.dialog.get_by_role("button", name="Sign in").click()
    await expect(email).to_have_attribute("aria-invalid", "true")
    await expect(alert).to_have_count(0)
    await spa.button("Create one").click()
    await email.fill("ada@example.com")
    await password.fill(PASSWORD)
    await spa.button("Create account").click()
    await expect(alert).to_contain_text("address")
    await expect(email).to_have_value("ada@example.com")
    assert spa.faults_but(400, 401, 409) == []


@pytest.mark.parametrize("width", [1280], indirect=True)
async def test_tabs_share_a_session_and_one_renewal(
    spa: App, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    other = await other_tab(spa, api, context)
    before = await session(spa.page)
    await spoil_access_token(spa.page)
    asked = token_requests(spa)
    both = asyncio.Barrier(2)

    async def hold(route: Route) -> None:
        """Until both tabs have sent the token that is refused."""
        if route.request.headers.get("authorization") == "Bearer no-token":
            await both.wait()
        await route.continue_()

    await context.route("**/api/items?*", hold)
    await asyncio.gather(spa.page.reload(), other.page.reload())
    await asyncio.gather(spa.shows("Lamps"), other.shows("Lamps"))
    assert token_requests(spa) == asked + 1
    after = await session(spa.page)
    assert after == await session(other.page)
    assert after["refreshToken"] != before["refreshToken"]
    assert (after["id"], after["email"]) == (before["id"], before["email"])

    await other.button("Sign out").click()
    await expect(spa.page.get_by_text("Sign in to see your items.")).to_be_visible()
    await spa.shows()
    assert spa.faults_but(401) == []


@pytest.mark.parametrize("width", [1280], indirect=True)
async def test_a_tab_that_storage_reaches_late_waits_for_it(
    spa: App, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    """Its refresh token has been used, and to use it again would end the session for both."""
    other = await other_tab(spa, api, context)
    await spoil_access_token(spa.page)
    asked = token_requests(spa)
    while await session(other.page) != await session(spa.page):
        pass
    await other.page.evaluate(STAND_STILL)
    await spa.page.reload()
    await spa.shows("Lamps")
    order = other.page.get_by_role("combobox", name="Order")
    async with other.page.expect_response(lambda response: response.status == 401):
        await order.select_option("Oldest first")
    await asyncio.wait_for(other.page.evaluate("window.refused"), HUNG)
    async with other.page.expect_response(lambda response: response.status == 200):
        await other.page.evaluate("window.goOn()")
    await other.shows("Lamps")
    assert token_requests(spa) == asked + 1
    assert spa.faults_but(401) == []


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_a_session_that_the_server_has_ended_is_over(
    spa: App, api: httpx.AsyncClient
) -> None:
    await register(api, "ada@example.com")
    await spa.open()
    await sign_in(spa, "ada@example.com")
    kept = await session(spa.page)
    await api.post("/api/auth/logout", data={"token": kept["refreshToken"]})
    await spa.page.get_by_role("combobox", name="Order").select_option("Oldest first")
    await expect(spa.page.get_by_role("alert")).to_have_text(
        "Your session has ended: sign in again."
    )
    await expect(spa.page.get_by_text("Sign in to see your items.")).to_be_visible()
    assert await spa.page.evaluate("localStorage.length") == 0
    assert spa.faults_but(400, 401) == []


@pytest.mark.parametrize("width", [1280], indirect=True)
async def test_a_renewal_that_is_not_answered_ends_nothing(
    spa: App, api: httpx.AsyncClient
) -> None:
    await register(api, "ada@example.com")
    await spa.open()
    await sign_in(spa, "ada@example.com")
    await create_item(spa, "Lamps")
    await spoil_access_token(spa.page)
    await spa.page.route("**/api/auth/token", lambda route: route.abort())
    await spa.page.reload()
    await expect(spa.page.get_by_role("alert")).to_have_text("There was no answer from the server.")
    await spa.page.unroute_all()
    await spa.button("Try again").click()
    await spa.shows("Lamps")


@pytest.mark.parametrize("width", [1280], indirect=True)
async def test_one_user_writes_nothing_in_the_name_of_the_next(
    spa: App, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    """A request that Ada's tab has sent is answered when Grace is signed in."""
    for email in ("ada@example.com", "grace@example.com"):
        await register(api, email)
    await spa.open()
    await sign_in(spa, "ada@example.com")
    other = App(await context.new_page(), spa.record, spa.origin)
    await other.open()
    hold = Hold()
    await spa.page.route("**/api/items", hold)
    await spa.button("New item").click()
    await spa.field("Name").fill("Ada's secret")
    await spa.field("Name").press("Enter")
    await hold.sent.wait()
    await other.button("Sign out").click()
    await sign_in(other, "grace@example.com")
    async with spa.page.expect_response("**/api/items") as answer:
        hold.released.set()
    assert (await answer.value).status == 401
    await expect(spa.dialog.get_by_role("alert")).to_be_visible()
    await other.page.reload()
    await expect(other.page.get_by_text("There are no items yet.")).to_be_visible()


@pytest.mark.parametrize("width", [390], indirect=True)
async def test_signing_out_without_a_connection_forgets_the_tokens(
    spa: App, api: httpx.AsyncClient, context: BrowserContext
) -> None:
    await register(api, "ada@example.com")
    await spa.open()
    await sign_in(spa, "ada@example.com")
    await context.set_offline(True)
    await spa.button("Sign out").click()
    await expect(spa.page.get_by_text("the server could not be told")).to_be_visible()
    assert await spa.page.evaluate("localStorage.length") == 0
