"""Who may call from another origin, and what the headers say about it.

The same in a real browser: tests/browser/test_cross_origin.py.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, NoReturn
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest

from api import create_app
from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from tests.api.origins import (
    ALLOWED,
    CORS_ORIGINS,
    EXPOSED,
    PREFLIGHT,
    REFUSED,
    ask,
    assert_granted,
    assert_refused,
    connect,
    names,
)
from tests.factory import settings_for

PREFLIGHT_PUT = {"headers": {"Access-Control-Request-Method": "PUT"}}
BEYOND = {"headers": {"Range": "bytes=9999999-"}}
ANSWERS: dict[str, tuple[int, str, str, dict[str, Any]]] = {
    "success": (200, "GET", "/api/gizmos", {}),
    "created": (201, "POST", "/api/gizmos", {"json": {"name": "x"}}),
    "head": (200, "HEAD", "/api/gizmos", {}),
    "redirect": (302, "GET", "/", {}),
    "not modified": (304, "GET", "/docs", {"headers": {"If-None-Match": "*"}}),
    "invalid body": (400, "POST", "/api/gizmos", {"json": {}}),
    "invalid query": (400, "GET", "/api/gizmos?limit=0", {}),
    "no such route": (404, "GET", "/nowhere", {}),
    "no such gizmo": (404, "PUT", "/api/gizmos/1", {"json": {"name": "x"}}),
    "no such method": (405, "DELETE", "/api/gizmos", {}),
    "large body": (413, "POST", "/api/gizmos", {"json": {"name": "x" * 1000}}),
    "media type": (415, "POST", "/api/gizmos", {"content": b"name=x"}),
    "range": (416, "GET", "/docs/initializer.js", BEYOND),
    "failing view": (500, "GET", "/fails", {}),
    "failing middleware": (500, "GET", "/fails-outside", {}),
    "preflight": (204, "OPTIONS", "/api/gizmos", PREFLIGHT),
    "preflight for no such gizmo": (204, "OPTIONS", "/api/gizmos/1", PREFLIGHT_PUT),
    "preflight for no such method": (204, "OPTIONS", "/api/gizmos", PREFLIGHT_PUT),
    "preflight for no such route": (204, "OPTIONS", "/nowhere", PREFLIGHT),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(
        tmp_path,
        CORS_ORIGINS=CORS_ORIGINS,
        CORS_HEADERS="X-B3-TraceId, X-Datadog-Trace-Id",
        MAX_BODY_BYTES="1000",
    )


@pytest.fixture
def app(app: AsyncFlask) -> AsyncFlask:
    """The application, failing at two addresses: within Flask's care and outside of it."""

    async def fail() -> NoReturn:
        raise RuntimeError("as intended")

    def fail_outside(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/fails-outside":
            raise RuntimeError("as intended")
        return inner(environ, start_response)

    app.add_url_rule("/fails", view_func=fail)
    inner = app.wsgi_app
    app.wsgi_app = fail_outside  # type: ignore[method-assign]  # Flask's documented way
    return app


@pytest.mark.parametrize("answer", ANSWERS)
async def test_every_kind_of_answer_grants_an_allowed_origin_and_it_alone(
    client: httpx.AsyncClient, answer: str
) -> None:
    status, method, path, options = ANSWERS[answer]
    for origin in ALLOWED:
        response = await ask(client, method, path, origin, **options)
        assert response.status_code == status, response.text
        assert_granted(response, origin)


@pytest.mark.parametrize("answer", ANSWERS)
async def test_every_kind_of_answer_grants_other_origins_nothing(
    client: httpx.AsyncClient, answer: str
) -> None:
    status, method, path, options = ANSWERS[answer]
    for why, origin in REFUSED.items():
        response = await ask(client, method, path, origin, **options)
        assert response.status_code == status, why
        assert_refused(response, why)


@pytest.mark.parametrize("answer", [name for name in ANSWERS if "preflight" not in name])
async def test_a_response_without_an_origin_names_no_allowed_origin(
    client: httpx.AsyncClient, answer: str
) -> None:
    status, method, path, options = ANSWERS[answer]
    response = await ask(client, method, path, None, **options)
    assert response.status_code == status
    assert_refused(response, "no origin was sent")


async def test_two_origin_headers_grant_nothing(client: httpx.AsyncClient) -> None:
    twice = [("Origin", ALLOWED[0]), ("Origin", ALLOWED[0])]
    assert_refused(await client.get("/api/gizmos", headers=twice), "two headers")


async def test_the_answer_to_a_slow_body_is_readable(app: AsyncFlask) -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    headers = {"Content-Type": "application/json"}
    async with connect(app, body_timeout=0) as client:
        for origin in ALLOWED:
            response = await ask(
                client, "POST", "/api/gizmos", origin, headers=headers, content=never()
            )
            assert response.status_code == 408
            assert_granted(response, origin)
        response = await ask(
            client, "POST", "/api/gizmos", "https://evil.net", headers=headers, content=never()
        )
        assert response.status_code == 408
        assert_refused(response, "another site")


async def test_the_answer_of_an_unready_database_is_readable(tmp_path: Path) -> None:
    empty = f"sqlite:///{tmp_path}/api.db"
    settings = settings_for(
        tmp_path, DATABASE_URL=empty, AUTO_MIGRATE="false", CORS_ORIGINS=CORS_ORIGINS
    )
    app = create_app(settings)
    async with connect(app) as client:
        for path in ("/api/gizmos", "/api/ready"):
            response = await ask(client, "GET", path, ALLOWED[0])
            assert response.status_code == 503
            assert response.headers["Retry-After"] == "1"
            assert_granted(response, ALLOWED[0])
            assert_refused(await ask(client, "GET", path, "https://evil.net"), "another site")
    await app.close()


async def test_everything_that_the_document_declares_can_be_read(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()
    declared = set(document["components"]["headers"])
    response = await ask(client, "GET", "/api/gizmos", ALLOWED[0])
    assert names(response, "Access-Control-Expose-Headers") == declared
    assert declared >= EXPOSED
