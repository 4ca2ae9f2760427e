"""Log lines: one per request, readable by people or machines."""

import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from flask import Response

from api import create_app
from api.observability.request_log import MAX_METHOD
from api.runtime.async_flask import AsyncFlask
from storage import Database
from tests.accounts import account
from tests.conftest import bridged
from tests.factory import settings_for
from tests.serving.streaming import iterate


async def lines_of(
    logged: Callable[[], str], folder: Path, *requests: tuple[str, str], **environ: str
) -> list[str]:
    """What is logged while `requests` are answered, one of which may be GET /fail."""
    app = create_app(settings_for(folder, **environ))

    async def fail() -> Response:
        raise RuntimeError("told to the log alone")

    app.add_url_rule("/fail", view_func=fail)
    transport = httpx.ASGITransport(bridged(app))
    async with (
        app.services[Database],
        httpx.AsyncClient(transport=transport, base_url="http://t") as client,
    ):
        logged()
        for method, path in requests:
            await client.request(method, path, headers={"X-Request-ID": f"id-of{path}"})
    return logged().splitlines()


async def test_a_request_is_one_line_of_json(logged: Callable[[], str], tmp_path: Path) -> None:
    lines = await lines_of(
        logged,
        tmp_path,
        ("GET", "/api/gizmos/3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b?x=1"),
        ("PUT", "/nope"),
        LOG_FORMAT="json",
    )
    events: list[dict[str, Any]] = [json.loads(line) for line in lines]
    requests = [event for event in events if event["logger"] == "request"]
    told = ("event", "level", "method", "route", "operation", "status", "client", "user_id")
    assert [tuple(line[name] for name in told) for line in requests] == [
        (
            "request",
            "info",
            "GET",
            "/api/gizmos/<id:gizmo_id>",
            "get_gizmo",
            400,
            "127.0.0.1",
            None,
        ),
        ("request", "info", "PUT", None, None, 404, "127.0.0.1", None),
    ]
    assert all(line["bytes"] > 100 for line in requests)
    assert [r["request_id"] for r in requests] == [
        "id-of/api/gizmos/3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b?x=1",
        "id-of/nope",
    ]
    assert all(r["duration_ms"] >= 0 and r["timestamp"].endswith("Z") for r in requests)


async def test_a_traceback_is_one_line_of_json_with_the_request_id(
    logged: Callable[[], str], tmp_path: Path
) -> None:
    lines = await lines_of(logged, tmp_path, ("GET", "/fail"), LOG_FORMAT="json")
    faults = [event for event in map(json.loads, lines) if event["level"] == "error"]
    assert len(faults) == 1
    assert faults[0]["event"] == "unhandled_exception"
    assert faults[0]["request_id"] == "id-of/fail"
    assert "told to the log alone" in json.dumps(faults[0]["exception"])
    assert lines[0].count("told to the log alone") == "\n".join(lines).count("told to the log")


async def test_the_console_shows_a_traceback_once(
    logged: Callable[[], str], tmp_path: Path
) -> None:
    lines = await lines_of(logged, tmp_path, ("GET", "/fail"), LOG_FORMAT="console")
    assert sum("RuntimeError: told to the log alone" in line for line in lines) == 1
    assert any("request" in line and "status=500" in line for line in lines)


async def test_a_long_method_is_logged_in_part(logged: Callable[[], str], tmp_path: Path) -> None:
    lines = await lines_of(logged, tmp_path, ("A" * 10_000, "/api/health"), LOG_FORMAT="json")
    [line] = [line for line in map(json.loads, lines) if line["logger"] == "request"]
    assert (line["method"], line["status"]) == ("A" * MAX_METHOD, 405)


async def test_a_level_leaves_out_what_is_below(logged: Callable[[], str], tmp_path: Path) -> None:
    assert await lines_of(logged, tmp_path, ("GET", "/api/health"), LOG_LEVEL="WARNING") == []


@pytest.mark.no_database
@pytest.mark.parametrize("sent", ["a", "!~" * 64, "0f8fad5b-d9cb-469f-a165-70867728950e"])
async def test_keeps_the_request_id_of_the_client(client: httpx.AsyncClient, sent: str) -> None:
    response = await client.get("/api/health", headers={"X-Request-ID": sent})
    assert response.headers["X-Request-ID"] == sent


@pytest.mark.no_database
@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "Käse", "a\tb"])
async def test_makes_a_request_id_in_place_of_an_unusable_one(
    client: httpx.AsyncClient, sent: str
) -> None:
    headers = [(b"X-Request-ID", sent.encode("latin-1"))]
    first = await client.get("/api/health", headers=headers)
    second = await client.get("/api/health", headers=headers)
    made = {first.headers["X-Request-ID"], second.headers["X-Request-ID"]}
    assert len(made) == 2
    assert all(len(request_id) == 32 for request_id in made)


@pytest.mark.no_database
@pytest.mark.parametrize("chunks_before", [0, 1])
async def test_a_stream_that_fails_is_one_line_and_a_500(
    app: AsyncFlask, caplog: pytest.LogCaptureFixture, chunks_before: int
) -> None:
    async def fail_midway() -> Response:
        async def chunks() -> AsyncGenerator[bytes, None]:
            for _ in range(chunks_before):
                yield b"chunk"
            raise RuntimeError("in the stream")

        return Response(iterate(app, chunks()))

    app.add_url_rule("/stream", view_func=fail_midway)
    transport = httpx.ASGITransport(bridged(app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        response = await client.get("/stream")
    assert response.status_code == (200 if chunks_before else 500)
    lines = [cast(dict[str, Any], r.msg) for r in caplog.records if r.name == "request"]
    assert [(line["route"], line["status"]) for line in lines] == [("/stream", 500)]


@pytest.mark.no_database
async def test_a_byte_that_no_query_has_is_the_client_s_mistake(app: AsyncFlask) -> None:
    response = app.test_client().get("/api/gizmos", environ_overrides={"QUERY_STRING": "q=\xff"})
    assert response.status_code == 400
    assert response.get_json()["errors"] == [{"detail": "The query is not ASCII."}]


async def test_a_request_s_line_says_whose_it_was(
    app: AsyncFlask, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    anna = await account(app)
    for path in ("/api/users/me", "/api/gizmos/1", "/api/users"):
        await client.get(path, headers=anna.headers)
    await client.get("/api/gizmos")
    lines = [cast(dict[str, Any], r.msg) for r in caplog.records if r.name == "request"]
    assert [(line["operation"], line["status"], line["user_id"]) for line in lines] == [
        ("get_current_user", 200, str(anna.user.id)),
        ("get_gizmo", 404, str(anna.user.id)),
        ("list_users", 403, str(anna.user.id)),
        ("list_gizmos", 200, None),
    ]


@pytest.mark.no_database
async def test_a_request_s_line_counts_the_bytes_of_its_answer(
    app: AsyncFlask, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def chunks() -> AsyncGenerator[bytes, None]:
        for _ in range(3):
            yield b"chunk"

    async def stream() -> Response:
        return Response(iterate(app, chunks()))

    app.add_url_rule("/stream", view_func=stream)
    answers = [await client.get(path) for path in ("/stream", "/api/health")]
    answers.append(await client.head("/api/health"))
    lines = [cast(dict[str, Any], r.msg) for r in caplog.records if r.name == "request"]
    assert [line["bytes"] for line in lines] == [len(answer.content) for answer in answers]
    assert [line["bytes"] for line in lines][::2] == [15, 0]
