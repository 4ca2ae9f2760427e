"""GET /errors and /errors/<slug>; how they look in a browser: tests/browser/test_docs.py."""

import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import httpx
import pytest

import api
from api import create_app
from api.config.settings import Settings
from api.problems import BY_SLUG
from api.runtime.async_flask import AsyncFlask
from openapi.document import build_document
from openapi.examples import problem_example
from schemas.problems import Problem
from storage import Database
from tests.conftest import bridged
from tests.factory import settings_for
from tests.openapi.references import resolve
from tests.openapi.validation import operations

PAGES = ["/errors", *(problem.uri for problem in BY_SLUG.values())]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(
        tmp_path,
        MAX_BODY_BYTES="12345",
        BODY_TIMEOUT="77",
        ACCESS_TOKEN_SECONDS="99",
        REGISTRATION="false",
    )


@pytest.fixture
async def mounted(app: AsyncFlask) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(bridged(app), root_path="/shop")
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


def links(page: str) -> list[str]:
    return re.findall(r'href="([^"]+)"', page)


def text_of(page: str) -> str:
    """What a reader sees, blanks as one."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())


@pytest.mark.parametrize("slug", BY_SLUG)
async def test_the_type_of_every_problem_is_the_address_of_a_page(
    client: httpx.AsyncClient, slug: str
) -> None:
    problem = BY_SLUG[slug]
    response = await client.get(problem.uri)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    for text in (problem.title, problem.description, problem.remedy, f"status {problem.status},"):
        assert text in text_of(response.text)


@pytest.mark.parametrize("slug", BY_SLUG)
async def test_a_page_shows_the_answer_as_the_document_does(
    client: httpx.AsyncClient, slug: str
) -> None:
    problem = BY_SLUG[slug]
    [shown] = re.findall(
        "<code>(HTTP/2 .*?)</code>", (await client.get(problem.uri)).text, re.DOTALL
    )
    head, body = html.unescape(shown).split("\n\n", 1)
    headers = {"retry-after": problem.retry_after, "www-authenticate": problem.challenge}
    assert head.splitlines() == [
        f"HTTP/2 {problem.status}",
        f"content-type: {problem.media_type}",
        *(f"{name}: {value}" for name, value in headers.items() if value is not None),
    ]
    assert json.loads(body) == problem_example(problem)


@pytest.mark.parametrize("slug", BY_SLUG)
async def test_a_page_names_the_operations_that_answer_so(
    app: AsyncFlask, client: httpx.AsyncClient, slug: str
) -> None:
    document = build_document(app)
    documented = {
        operation["operationId"]
        for _, _, operation in operations(document)
        for response in operation["responses"].values()
        for content in resolve(document, response).get("content", {}).values()
        if slug in content.get("examples", {})
    }
    page = (await client.get(BY_SLUG[slug].uri)).text
    assert set(re.findall(r"<code>([a-z]+_[a-z_]+)</code></a>", page)) == documented


@pytest.mark.parametrize("prefix", ["", "/shop"])
@pytest.mark.parametrize("path", PAGES)
async def test_every_link_leads_somewhere(
    app: AsyncFlask, client: httpx.AsyncClient, mounted: httpx.AsyncClient, path: str, prefix: str
) -> None:
    reader = mounted if prefix else client
    anchors = {""} | {
        f"/{operation['tags'][0]}/{operation['operationId']}"
        for _, _, operation in operations(build_document(app))
    }
    page = await reader.get(prefix + path)
    assert page.status_code == 200
    assert links(page.text)
    for link in links(page.text):
        address, anchor = urldefrag(urljoin(prefix + path, link))
        assert (await reader.get(address)).status_code == 200, link
        assert address.startswith(f"{prefix}/")
        assert anchor in anchors


async def test_the_list_has_every_type_and_the_members_of_the_body(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/errors")).text
    assert {link for link in links(page) if link != "docs"} == {
        problem.uri.removeprefix("/") for problem in BY_SLUG.values()
    }
    assert re.findall(r"<tr><td><code>(\w+)</code>", page) == list(Problem().fields)
    for problem in BY_SLUG.values():
        assert f"{problem.status}{problem.title}{problem.description}" in text_of(page)


async def test_the_pages_give_this_servers_own_settings(client: httpx.AsyncClient) -> None:
    assert "12,345 bytes" in text_of((await client.get("/errors/content-too-large")).text)
    assert "waits 77 seconds" in text_of((await client.get("/errors/request-timeout")).text)
    assert "for 99 seconds" in text_of((await client.get("/errors/invalid-token")).text)
    closed = text_of((await client.get("/errors/authentication-required")).text)
    assert "If you have no account yet, ask an admin." in closed


def test_all_advice_is_about_a_problem_that_there_is() -> None:
    folder = Path(api.__file__).parent / "http" / "templates" / "errors"
    assert {path.stem for path in folder.iterdir()} < set(BY_SLUG)


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ("", "ask the operator of this server about it"),
        ("ops@example.com", '<a href="mailto:ops@example.com">ops@example.com</a>'),
        ("https://example.com/?a&b", '<a href="https://example.com/?a&amp;b">https:'),
        ('x"><script>@example.com', '<a href="mailto:x&#34;&gt;&lt;script&gt;@example.com">'),
    ],
)
async def test_a_page_names_the_contact(tmp_path: Path, contact: str, shown: str) -> None:
    app = create_app(settings_for(tmp_path, CONTACT=contact))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(bridged(app)), base_url="http://api.test"
    ) as client:
        page = (await client.get("/errors/internal-error")).text
        info = (await client.get("/openapi.json")).json()["info"]
    assert shown in " ".join(page.split())
    assert contact in {*info["contact"].values(), ""}
    await app.services[Database].close()


async def test_error_pages_have_no_links_to_documentation_that_is_turned_off(
    tmp_path: Path,
) -> None:
    app = create_app(settings_for(tmp_path, DOCS_ENABLED="false"))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(bridged(app)), base_url="http://api.test"
    ) as client:
        for path in PAGES:
            response = await client.get(path)
            assert response.status_code == 200
            assert [link for link in links(response.text) if "docs" in link] == []
    await app.services[Database].close()


async def test_a_type_that_there_is_not_has_no_page(client: httpx.AsyncClient) -> None:
    response = await client.get("/errors/nope")
    assert response.status_code == 404
    assert response.json()["detail"] == "There is no error type with this name."
