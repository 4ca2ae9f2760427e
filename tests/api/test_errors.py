"""One body for every error; for the page behind each type see test_error_pages.py."""

import logging
import re
import sqlite3
from typing import Any, cast

import httpx
import pytest
from flask import Flask, Response
from werkzeug.exceptions import ImATeapot, ServiceUnavailable

from api.problems import BY_SLUG, PROBLEMS, problem_of
from api.runtime.async_flask import AsyncFlask
from storage import DatabaseUnavailable

pytestmark = pytest.mark.no_database

MEMBERS = {"type", "title", "status", "detail", "error", "errors", "request_id"}


class DriverError(Exception):
    """Drivers' exceptions have attributes that are named like those of ours."""

    detail = "Key (email)=(secret) already exists."


def raise_in_view(app: Flask, error: Exception) -> None:
    async def fail() -> Response:
        raise error

    app.add_url_rule("/fail", view_func=fail, methods=["GET", "POST"])


@pytest.mark.parametrize(
    "path", ["/nope", "/api/gizmos/", "//api/gizmos", "/api/gizmos/a/b", "/../x"]
)
async def test_an_unknown_path_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json() == {
        "type": "/errors/not-found",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing at this address.",
        "error": "There is nothing at this address.",
        "errors": [],
        "request_id": response.headers["X-Request-ID"],
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/gizmos", "GET, HEAD, OPTIONS, POST"),
        ("TRACE", "/api/gizmos", "GET, HEAD, OPTIONS, POST"),
        ("BREW", "/api/health", "GET, HEAD, OPTIONS"),
        (
            "POST",
            "/api/gizmos/3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b",
            "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
        ),
    ],
)
async def test_a_wrong_method_is_answered_with_the_allowed_ones(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == 405
    assert response.headers["Allow"] == allowed
    assert response.json()["detail"] == f"This address supports {allowed}."
    assert response.json()["type"] == "/errors/method-not-allowed"


async def test_options_lists_the_methods(client: httpx.AsyncClient) -> None:
    response = await client.options("/api/gizmos")
    assert response.status_code == 200
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


async def test_an_internal_error_is_described_only_in_the_log(
    app: AsyncFlask, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    raise_in_view(app, DriverError("secret of the house"))
    response = await client.get("/fail", headers={"X-Request-ID": "abc"})
    assert response.status_code == 500
    assert response.json()["request_id"] == response.headers["X-Request-ID"] == "abc"
    assert set(response.json()) == MEMBERS
    assert "secret" not in response.text
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(faults) == 1
    event = cast(dict[str, Any], faults[0].msg)
    assert str(event["exc_info"]) == "secret of the house"
    assert event["request_id"] == "abc"


async def test_a_fault_in_a_hook_is_logged_once(
    app: AsyncFlask, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    @app.after_request
    def fail_once(response: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("in a hook")
        return response

    response = await client.get("/api/health")
    assert response.status_code == 500
    assert response.json()["type"] == "/errors/internal-error"
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (ImATeapot(), 400, "invalid-request"),
        (ServiceUnavailable(), 500, "internal-error"),
        (DatabaseUnavailable("locked"), 503, "database-unavailable"),
        (sqlite3.OperationalError("no such table: x"), 500, "internal-error"),
    ],
)
async def test_every_exception_has_its_row(
    app: AsyncFlask, client: httpx.AsyncClient, error: Exception, status: int, slug: str
) -> None:
    raise_in_view(app, error)
    response = await client.get("/fail")
    assert response.status_code == response.json()["status"] == status
    assert response.json()["type"] == f"/errors/{slug}"
    assert set(response.json()) == MEMBERS
    assert str(error) not in response.text


async def test_an_unavailable_database_says_when_to_come_back(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    raise_in_view(app, DatabaseUnavailable("locked"))
    response = await client.get("/fail")
    assert response.headers["Retry-After"] == "1"


def test_a_row_serves_the_subclasses_that_have_none() -> None:
    class Particular(DatabaseUnavailable):
        pass

    assert problem_of(Particular) is PROBLEMS[DatabaseUnavailable]
    assert problem_of(ValueError) is PROBLEMS[Exception]


def test_one_slug_means_one_problem() -> None:
    assert len({problem.slug for problem in PROBLEMS.values()}) == len(BY_SLUG)
    assert all(BY_SLUG[problem.slug] is problem for problem in PROBLEMS.values())
    assert all(re.fullmatch(r"[a-z-]+", slug) for slug in BY_SLUG)
