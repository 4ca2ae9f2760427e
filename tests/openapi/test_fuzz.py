"""Requests that no schema describes: every response is a documented one."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from api.config.settings import Settings
from api.problems import BY_SLUG, as_oauth
from api.runtime.async_flask import AsyncFlask
from openapi.document import build_document
from tests.conftest import bridged
from tests.factory import settings_for
from tests.gizmos import gizmo_input
from tests.openapi.validation import validator

REPEATABLE = hypothesis_settings(
    derandomize=True,
    database=None,
    deadline=None,
    # One application meets all the requests, as a served one does.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ID = "3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"
COLLECTION, GIZMO = "/api/gizmos", f"/api/gizmos/{ID}"
FORM = "application/x-www-form-urlencoded"
OAUTH = ["/api/auth/token", "/api/auth/logout"]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
MEDIA_TYPES = [
    *["application/json"] * 9,
    "application/json; charset=utf-8",
    "application/json; charset=utf-16",
    "application/merge-patch+json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "",
]

# Half of a surrogate pair is something that JSON can say and UTF-8 can't.
text = st.text(min_size=1) | st.text(st.sampled_from("a\ud83d \0"), min_size=1, max_size=3)
anything_in_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=10,
)
nearly_an_item = st.fixed_dictionaries(
    {"name": text},
    optional={
        "description": st.none() | text,
        "status": st.sampled_from(["todo", "doing", "done", "Done", None]),
        "quantity": st.integers(-1) | st.booleans(),
        "tags": st.lists(text, max_size=3),
        "version": anything_in_json,
    },
)
bodies = st.one_of(
    nearly_an_item.map(json.dumps).map(str.encode),
    anything_in_json.map(json.dumps).map(str.encode),
    st.builds(lambda text, tail: text.encode() + tail, st.just('{"name": "x"}'), st.binary()),
    st.integers(0, 3000).map(lambda depth: b"[" * depth),
    st.binary(),
)
form_names = st.sampled_from(["grant_type", "username", "refresh_token", "token", "scope", ""])
form_values = st.one_of(
    st.sampled_from(
        ["password", "refresh_token", f"irt_{'A' * 64}", "e30.e30.", "eyJhbGciOiJub25lIn0.."]
    ),
    st.text().map(lambda text: quote(text, errors="surrogatepass")),
    st.binary(max_size=20).map(quote),
)
forms = st.binary() | st.lists(st.tuples(form_names, form_values), max_size=4).map(
    lambda pairs: "&".join("=".join(pair) for pair in pairs).encode()
)
escaped_bytes = st.binary(max_size=20).map(lambda data: "".join(f"%{byte:02x}" for byte in data))
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#?"))
words = st.sampled_from(["limit", "cursor", "", "50", "=", "&", ";", "+", "%", "%00", "%ff", ".."])
queries = st.lists(words | visible | escaped_bytes | st.just("limit=5"), max_size=6).map("".join)
segments = st.one_of(
    st.sampled_from(["api", "gizmos", "health", "errors", "docs", "..", ".", "", ID]),
    visible,
    escaped_bytes,
)
known_paths = ["/", COLLECTION, GIZMO, "/docs/initializer.js", "/openapi.json", "/errors/not-found"]
paths = st.sampled_from(known_paths) | st.lists(segments, max_size=5).map(
    lambda parts: "/" + "/".join(parts)
)
header_values = st.binary(max_size=150).map(lambda v: v.translate(None, b"\r\n\0").strip())
headers = st.dictionaries(
    st.sampled_from(
        ["X-Request-ID", "If-None-Match", "Accept", "Cookie", "Origin", "Range", "Content-Type"]
    ),
    header_values,
)


class Sender:
    """Sends requests to the application and judges every answer."""

    def __init__(self, app: AsyncFlask, runner: asyncio.Runner) -> None:
        transport = httpx.ASGITransport(bridged(app))
        self.client = httpx.AsyncClient(transport=transport)
        self.runner = runner
        self.statuses: Counter[int] = Counter()
        self.problem = validator(build_document(app), {"$ref": "#/components/schemas/Problem"})

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        url = f"http://api.test{path}"  # put together here, since a path may start with //
        response = self.runner.run(self.client.request(method, url, **request))
        self.statuses[response.status_code] += 1
        request_id = response.headers["X-Request-ID"]
        assert request_id
        assert response.status_code < 500, (method, url, request, response.text)
        if response.status_code >= 400 and method != "HEAD":
            problem = response.json()
            assert list(self.problem.iter_errors(problem)) == []
            row = BY_SLUG[problem["type"].removeprefix("/errors/")]
            if path.partition("?")[0] in OAUTH:
                row = as_oauth(row)
            assert response.headers["Content-Type"] == row.media_type
            assert problem["status"] == response.status_code
            assert problem["error"] == (row.code or problem["detail"])
            assert problem["request_id"] == request_id
        return response


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path, LOG_LEVEL="WARNING")  # thousands of requests hide what failed


@pytest.fixture
def examples(long_form: bool) -> int:
    """How many requests of a kind are made up: in the short form, as few as meet every status."""
    return 800 if long_form else 400


@pytest.fixture
def sender(app: AsyncFlask) -> Iterator[Sender]:
    with asyncio.Runner() as runner:
        sender = Sender(app, runner)
        yield sender
        runner.run(sender.client.aclose())


def test_survives_any_body(sender: Sender, examples: int) -> None:
    gizmo = sender.send("POST", COLLECTION, json=gizmo_input()).headers["Location"]
    targets = [("POST", COLLECTION), ("PUT", gizmo), ("PATCH", gizmo), ("PATCH", GIZMO)]

    @hypothesis_settings(REPEATABLE, max_examples=examples)
    @given(st.sampled_from(targets), bodies, st.sampled_from(MEDIA_TYPES))
    def send(target: tuple[str, str], body: bytes, media_type: str) -> None:
        sender.send(*target, content=body, headers={"Content-Type": media_type})

    send()
    assert set(sender.statuses) == {200, 201, 400, 404, 415}
    assert sender.statuses.total() >= examples


def test_survives_any_form(sender: Sender, examples: int) -> None:
    @hypothesis_settings(REPEATABLE, max_examples=examples)
    @given(st.sampled_from(OAUTH), forms)
    def send(path: str, body: bytes) -> None:
        sender.send("POST", path, content=body, headers={"Content-Type": FORM})

    send()
    assert set(sender.statuses) == {204, 400}
    assert sender.statuses.total() >= examples


def test_survives_any_query(sender: Sender, examples: int) -> None:
    @hypothesis_settings(REPEATABLE, max_examples=examples)
    @given(st.sampled_from([COLLECTION, GIZMO, "/api/health", "/api/ready"]), queries)
    def send(path: str, query: str) -> None:
        sender.send("GET", f"{path}?{query}")

    send()
    assert set(sender.statuses) == {200, 400, 404}
    assert sender.statuses.total() >= examples


def test_survives_any_path_method_and_headers(sender: Sender, examples: int) -> None:
    @hypothesis_settings(REPEATABLE, max_examples=examples)
    @given(st.sampled_from(METHODS), paths, headers)
    def send(method: str, path: str, sent: dict[str, bytes]) -> None:
        response = sender.send(method, path, headers=sent)
        if response.status_code == 405:
            assert response.headers["Allow"]

    send()
    assert {200, 302, 404, 405, 415} <= set(sender.statuses)
    assert sender.statuses.total() >= examples
