"""Swagger UI and the pages about errors, as a real Chromium shows them."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from api.problems import BY_SLUG
from api.runtime.async_flask import AsyncFlask
from serving.asgi import Receive, Scope, Send
from tests.browser.conftest import Record
from tests.conftest import bridged
from tests.live import serving
from tests.processes import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="package")

WIDTHS = (1280, 390)
SCREENSHOTS = ROOT / "build" / "screenshots"
DEEP_LINK = "escaping deep link whitespace with `_` is unsupported"
"""What Swagger UI says at the sight of every operationId with an underscore in its address."""


def operation(page: Page, operation_id: str) -> Locator:
    return page.locator(f"#operations-gizmos-{operation_id}")


@pytest.fixture
def mounted(app: AsyncFlask) -> Iterator[str]:
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


UNFOLD_MODELS = """async (names) => {
    const models = [...document.querySelectorAll(".models [data-json-schema-level='0']")].filter(
        model => names.includes(model.querySelector(".json-schema-2020-12__title").textContent)
    );
    const folded = () => models
        .flatMap(model => [...model.querySelectorAll(".json-schema-2020-12-expand-deep-button")])
        .filter(button => button.textContent === "Expand all");
    while (folded().length > 0) {  // What unfolds has other ones in it.
        folded().forEach(button => button.click());
        await new Promise(drawn => setTimeout(drawn));
    }
    return models.length;
}"""


async def test_everything_in_docs_unfolds_without_a_complaint(
    page: Page, record: Record, live: str, api: httpx.AsyncClient, long_form: bool
) -> None:
    """What Swagger UI draws only on demand keeps to the page's policy too.

    For each operation and each model that is opened, Swagger UI resolves the whole document, which
    takes half a second and more. So it is one operation of each kind and what `create_gizmo` sends
    and gets, and everything in the long form. Each operation is closed before the next is opened,
    since all that are open are drawn again with every change. The page sends itself the events:
    before each of its own, Playwright waits for the layout of thousands of elements.
    """
    await open_docs(page, live)
    document = (await api.get("/openapi.json")).json()
    opened = operations(document) if long_form else one_of_each_kind(document)
    for operation_id in opened:
        block = page.locator(f"[id^=operations-][id$=-{operation_id}]")
        summary, body = block.locator(".opblock-summary-control"), block.locator(".opblock-body")
        await summary.dispatch_event("click")
        await expect(body.locator(".responses-table")).to_be_attached()
        if operation_id == "create_gizmo":
            for tab in await body.get_by_role("tab", name="Schema").all():
                await tab.dispatch_event("click")
        await summary.dispatch_event("click")
        await expect(body).to_have_count(0)
    assert "create_gizmo" in opened
    models = (
        list(document["components"]["schemas"]) if long_form else ["Gizmo", "GizmoInput", "Problem"]
    )
    assert await page.evaluate(UNFOLD_MODELS, models) == len(models)
    await expect(page.locator(".models")).to_contain_text("Given by the server; never changes.")
    assert record.faults == []
    assert record.hosts == {urlsplit(live).netloc}


def operations(document: Any) -> dict[str, Any]:
    """The operations of the document by their operationIds, each with what sets its kind apart for
    Swagger UI: the method, and the media types of its body."""
    return {
        about["operationId"]: (method, *about.get("requestBody", {"content": ()})["content"])
        for path in document["paths"].values()
        for method, about in path.items()
    }


def one_of_each_kind(document: Any) -> list[str]:
    """Those of gizmos, where they have the kind."""
    last = sorted(operations(document).items(), key=lambda named: "gizmo" in named[0])
    return list({kind: name for name, kind in last}.values())


async def test_try_it_out_creates_a_gizmo_from_the_example(
    page: Page, record: Record, live: str, api: httpx.AsyncClient
) -> None:
    await open_docs(page, live)
    create = operation(page, "create_gizmo")
    await create.locator(".opblock-summary-control").click()
    example = json.loads(await create.locator("textarea").input_value())
    await create.get_by_role("button", name="Execute").click()
    answer = create.locator(".live-responses-table .response")
    await expect(answer.locator(".response-col_status")).to_have_text("201")
    shown = json.loads(await answer.locator(".highlight-code code").first.inner_text())
    assert shown.items() >= example.items()
    assert (await api.get("/api/gizmos")).json()["gizmos"] == [shown]
    await expect(answer).to_contain_text(f"location: /api/gizmos/{shown['id']}")
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
    create = operation(page, "create_gizmo")
    await create.locator(".opblock-summary-control").click()
    await create.get_by_role("button", name="Execute").click()
    answer = create.locator(".live-responses-table .response")
    await expect(answer.locator(".response-col_status")).to_have_text("201")
    await expect(answer).to_contain_text("location: /shop/api/gizmos/")
    assert [url for url in record.requests if not url.startswith(f"{mounted}/")] == []
    assert record.faults == []


async def test_an_open_operation_fits_the_screen(page: Page, live: str) -> None:
    await open_docs(page, live)
    create = operation(page, "create_gizmo")
    await create.locator(".opblock-summary-control").click()
    await create.get_by_role("button", name="Execute").click()
    await expect(create.locator(".live-responses-table .response-col_status").last).to_be_visible()
    await page.evaluate("scrollTo(0, 0)")
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 844})
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        await page.screenshot(path=SCREENSHOTS / f"docs-{width}.png")


async def test_successes_are_open_and_errors_folded(page: Page, live: str) -> None:
    await open_docs(page, live)
    update = operation(page, "update_gizmo")
    await update.locator(".opblock-summary-control").click()
    responses = update.locator(".responses-table")
    examples = responses.locator("pre.example")
    await expect(examples).to_have_count(1)
    await expect(responses.locator("[data-code='200'] pre.example")).to_be_visible()
    errors = responses.get_by_role("button", name="Example and headers")
    await expect(errors).to_have_count(
        await responses.locator("[data-code^='4'], [data-code^='5']").count()
    )
    await errors.first.click()
    await expect(responses.locator("[data-code='400'] pre.example")).to_contain_text("/errors/")
    await errors.first.click()
    await expect(examples).to_have_count(1)


async def test_the_filter_finds_operations_by_their_path(page: Page, live: str) -> None:
    await open_docs(page, live)
    await page.get_by_placeholder("Filter").fill("/users/me/sess")
    await expect(operation(page, "list_gizmos")).to_have_count(0)
    paths = await page.locator(".opblock-summary-path").all_inner_texts()
    assert set(paths) == {"/api/users/me/sessions", "/api/users/me/sessions/{session_id}"}


async def test_the_docs_follow_the_systems_colour_scheme(page: Page, live: str) -> None:
    await page.emulate_media(color_scheme="dark")
    await open_docs(page, live)
    background = "() => getComputedStyle(document.documentElement).backgroundColor"
    dark = await page.evaluate(background)
    await page.emulate_media(color_scheme="light")
    await page.wait_for_function(f"dark => ({background})() !== dark", arg=dark)
    red, green, blue = (int(part) for part in re.findall(r"\d+", dark)[:3])
    assert max(red, green, blue) < 64


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
    update = operation(page, "update_gizmo")
    await update.locator(".opblock-summary-control").click()
    async with page.expect_popup() as opened:
        await update.get_by_role("link", name="Precondition failed").click()
    about = await opened.value
    await expect(about).to_have_url(f"{root}/errors/precondition-failed")
    await about.get_by_role("link", name="update_gizmo").click()
    await expect(about).to_have_url(f"{root}/docs#/gizmos/update_gizmo")
    await expect(operation(about, "update_gizmo")).to_have_class(re.compile("is-open"))


async def test_the_pages_about_errors_fit_the_screen(page: Page, live: str) -> None:
    too_wide = []
    for path in ["/errors", *(problem.uri for problem in BY_SLUG.values())]:
        await page.goto(live + path)
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 844})
            if await page.evaluate("document.documentElement.scrollWidth") != width:
                too_wide.append((path, width))
    assert too_wide == []


async def test_the_pages_about_errors_show_their_style(
    page: Page, record: Record, live: str
) -> None:
    for slug, problem in BY_SLUG.items():
        await page.goto(f"{live}/errors/{slug}")
        body = page.locator("body")
        await expect(page.get_by_role("heading", level=1)).to_have_text(problem.title)
        assert await body.evaluate("body => getComputedStyle(body).maxWidth") == "640px", slug
        await expect(body).to_contain_text(problem.remedy)
    assert record.faults == []
