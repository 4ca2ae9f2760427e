"""Swagger UI and the pages about errors, as a real Chromium shows them."""

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from api.app import Api
from api.problems import BY_SLUG
from serving.asgi import Receive, Scope, Send
from tests.browser.conftest import Record
from tests.conftest import bridged
from tests.live import serving

pytestmark = pytest.mark.asyncio(loop_scope="package")

DEEP_LINK = "escaping deep link whitespace with `_` is unsupported"
"""What Swagger UI says at the sight of every operationId with an underscore in its address."""


def operation(page: Page, operation_id: str) -> Locator:
    return page.locator(f"#operations-items-{operation_id}")


@pytest.fixture
def mounted(app: Api) -> Iterator[str]:
    """The address of the application on a server that has it under the path prefix /shop."""
    application = bridged(app)

    async def under_prefix(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "root_path": "/shop"}, receive, send)

    with serving(under_prefix) as address:
        yield f"{address}/shop"


async def open_docs(page: Page, live: str) -> None:
    await page.goto(f"{live}/docs")
    await expect(page.locator(".opblock").first).to_be_visible()


async def test_docs_list_every_operation_and_ask_no_other_host(
    page: Page, record: Record, live: str, api: httpx.AsyncClient
) -> None:
    await open_docs(page, live)
    document = (await api.get("/openapi.json")).json()
    expected = [
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method in operations
    ]
    methods = await page.locator(".opblock-summary-method").all_inner_texts()
    paths = await page.locator(".opblock-summary-path").all_inner_texts()
    shown = [f"{method} {path}" for method, path in zip(methods, paths, strict=True)]
    assert sorted(shown) == sorted(expected)
    assert len(shown) >= 8
    assert record.hosts == {urlsplit(live).netloc}
    assert record.faults == []


async def test_everything_in_docs_unfolds_without_a_complaint(
    page: Page, record: Record, live: str
) -> None:
    """Whatever Swagger UI draws only when it is asked to keeps to the page's policy too."""
    await open_docs(page, live)
    for summary in await page.locator(".opblock-summary-control").all():
        await summary.click()
    for tab in await operation(page, "create_item").get_by_role("tab", name="Schema").all():
        await tab.click()
    schemas = page.locator(".models")
    folded = schemas.get_by_role("button", name="Expand all")
    while await folded.count():  # a click unfolds others below it too
        await folded.first.click()
    await expect(page.locator(".opblock.is-open")).to_have_count(
        await page.locator(".opblock").count()
    )
    await expect(schemas).to_contain_text("Given by the server; never changes.")
    assert record.faults == []
    assert record.hosts == {urlsplit(live).netloc}


async def test_try_it_out_creates_an_item_from_the_example(
    page: Page, record: Record, live: str, api: httpx.AsyncClient
) -> None:
    await open_docs(page, live)
    create = operation(page, "create_item")
    await create.locator(".opblock-summary-control").click()
    example = json.loads(await create.locator("textarea").input_value())
    await create.get_by_role("button", name="Execute").click()
    answer = create.locator(".live-responses-table .response")
    await expect(answer.locator(".response-col_status")).to_have_text("201")
    shown = json.loads(await answer.locator(".highlight-code code").first.inner_text())
    assert shown.items() >= example.items()
    assert (await api.get("/api/items")).json()["items"] == [shown]
    await expect(answer).to_contain_text(f"location: /api/items/{shown['id']}")
    assert record.hosts == {urlsplit(live).netloc}
    assert record.faults == []


async def test_the_root_leads_to_the_docs(page: Page, record: Record, live: str) -> None:
    await page.goto(live)
    await expect(page).to_have_url(f"{live}/docs")
    await expect(page.get_by_role("heading", name="Items API")).to_be_visible()
    assert record.faults == []


async def test_under_a_path_prefix_docs_load_and_try_it_out_works(
    page: Page, record: Record, mounted: str
) -> None:
    await open_docs(page, mounted)
    create = operation(page, "create_item")
    await create.locator(".opblock-summary-control").click()
    await create.get_by_role("button", name="Execute").click()
    answer = create.locator(".live-responses-table .response")
    await expect(answer.locator(".response-col_status")).to_have_text("201")
    await expect(answer).to_contain_text("location: /shop/api/items/")
    assert [url for url in record.requests if not url.startswith(f"{mounted}/")] == []
    assert record.faults == []


@pytest.mark.parametrize("width", [1280, 390])
async def test_an_open_operation_fits_the_screen(page: Page, live: str, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    await open_docs(page, live)
    create = operation(page, "create_item")
    await create.locator(".opblock-summary-control").click()
    await create.get_by_role("button", name="Execute").click()
    await expect(create.locator(".live-responses-table .response-col_status").last).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == width


async def test_an_error_in_the_docs_leads_to_its_page_and_back(
    page: Page, record: Record, live: str
) -> None:
    await go_to_an_error_and_back(page, live)
    assert [fault for fault in record.faults if DEEP_LINK not in fault] == []


async def test_under_a_path_prefix_it_does_too(page: Page, record: Record, mounted: str) -> None:
    await go_to_an_error_and_back(page, mounted)
    assert [fault for fault in record.faults if DEEP_LINK not in fault] == []


async def go_to_an_error_and_back(page: Page, root: str) -> None:
    await open_docs(page, root)
    update = operation(page, "update_item")
    await update.locator(".opblock-summary-control").click()
    async with page.expect_popup() as opened:
        await update.get_by_role("link", name="Precondition failed").click()
    about = await opened.value
    await expect(about).to_have_url(f"{root}/errors/precondition-failed")
    await about.get_by_role("link", name="update_item").click()
    await expect(about).to_have_url(f"{root}/docs#/items/update_item")
    await expect(operation(about, "update_item")).to_have_class(re.compile("is-open"))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/errors", *(problem.uri for problem in BY_SLUG.values())])
async def test_the_pages_about_errors_fit_the_screen(
    page: Page, live: str, path: str, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 844})
    await page.goto(live + path)
    assert await page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("slug", BY_SLUG)
async def test_the_page_about_an_error_shows_its_style(
    page: Page, record: Record, live: str, slug: str
) -> None:
    await page.goto(f"{live}/errors/{slug}")
    await expect(page.get_by_role("heading", level=1)).to_have_text(BY_SLUG[slug].title)
    assert await page.locator("body").evaluate("body => getComputedStyle(body).maxWidth") == "640px"
    await expect(page.locator("body")).to_contain_text(BY_SLUG[slug].remedy)
    assert record.faults == []
