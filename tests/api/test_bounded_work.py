"""Each input costs at most in proportion to its length, and has a limit: whatever field it is for.

Compared is CPU time, the best of several: of a value that is ten times as long with the shorter
one's. Where work grows with the square of the length, it is a hundred times as much.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from marshmallow import ValidationError, fields

from api.config.settings import Settings
from api.http.inputs import load_form, load_json
from api.operations.endpoint import Endpoint
from api.runtime.async_flask import AsyncFlask
from schemas.base import FormInput, InputSchema
from schemas.fields import Bounded, BoundedList, Text
from storage.collections.words import search_of, words_of
from tests.conftest import bridged
from tests.factory import settings_for
from tests.serving.call import Answer, answer_of

SHORT, LONG = 20_000, 200_000
PROPORTIONAL = 25
"""Ten times the work, on a machine that does other things besides."""
NOISE = 0.01
"""Seconds of CPU time that are no measure of anything."""
HOSTILE = ("\u0301\u0327", "\u1100\u1161", "7", " ", "\U0001f6aa", "\ufdfa", "%", ",", '"', "a.")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


def endpoints(app: AsyncFlask) -> dict[str, Endpoint]:
    views = app.view_functions.values()
    return {view.__name__: view for view in views if isinstance(view, Endpoint)}


def inputs(app: AsyncFlask) -> Iterator[tuple[str, InputSchema]]:
    """Each input schema of each operation, after what it is called here."""
    for name, endpoint in endpoints(app).items():
        for place in ("query", "body"):
            schema: type[InputSchema] | None = getattr(endpoint.operation, place)
            if schema is not None:
                yield f"{name} {place}", schema()


def cpu_time(work: Callable[[], object]) -> float:
    """Seconds that `work` takes, at best."""
    times = []
    for _ in range(3):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def assert_proportional(work: Callable[[int], object], what: object) -> None:
    """`work` is called with the length of its input."""
    short, long = cpu_time(lambda: work(SHORT)), cpu_time(lambda: work(LONG))
    assert long < PROPORTIONAL * short + NOISE, (what, short, long)


def refused(schema: InputSchema, data: Any) -> dict[str, Any]:
    with pytest.raises(ValidationError) as caught:
        schema.load(data)
    return caught.value.messages_dict


def values(field: Bounded, unit: str, length: int) -> Iterator[Any]:
    """A value of `length`, and for a list also as many of them."""
    text = (unit * length)[:length]
    if isinstance(field, BoundedList):
        yield [text]
        yield [unit] * length
    else:
        yield text


def refuse(schema: InputSchema, key: str, field: Bounded, unit: str, length: int) -> None:
    """Have `schema` refuse values that are longer than they may be."""
    for value in values(field, unit, length):
        assert key in refused(schema, {key: value})


def take(schema: InputSchema, key: str, field: Bounded, unit: str) -> None:
    """Have `schema` look at the longest values."""
    for value in values(field, unit, field.max_length):
        with suppress(ValidationError):
            schema.load({key: value})


def test_no_value_of_any_field_costs_more_than_its_length(app: AsyncFlask) -> None:
    seen = set()
    for name, schema in inputs(app):
        for key, field in schema.load_fields.items():
            assert isinstance(field, Bounded)
            seen.add(type(field))
            for unit in HOSTILE:
                work = partial(refuse, schema, key, field, unit)
                assert_proportional(work, (name, key, unit))
    assert len(seen) > 8


@pytest.mark.parametrize("unit", HOSTILE)
def test_no_longest_value_costs_more_than_a_moment(app: AsyncFlask, unit: str) -> None:
    for name, schema in inputs(app):
        for key, field in schema.load_fields.items():
            assert isinstance(field, Bounded)
            work = partial(take, schema, key, field, unit)
            assert cpu_time(work) < 0.1, (name, key)


@pytest.mark.parametrize("unit", HOSTILE)
def test_the_words_of_the_longest_text_cost_no_more_than_a_moment(unit: str) -> None:
    assert cpu_time(lambda: words_of((unit * 2000)[:2000])) < 0.2
    assert cpu_time(lambda: search_of((unit * 200)[:200])) < 0.1


DOOR = "\U0001f6aa"
"""Takes twelve bytes, escaped in JSON as well as in a form."""
GIZMO = {
    "name": DOOR * 200,
    "description": DOOR * 2000,
    "status": "doing",
    "quantity": 2_147_483_647,
    "tags": [DOOR * 49 + chr(0x1F600 + n) for n in range(20)],
}
PASSPHRASE = "".join(chr(0x20000 + n * n * 37 % 5000) for n in range(128))
"""Characters as wide, without the repetitions and sequences that no new password may consist of."""
ACCOUNT = {"email": f"{DOOR * 60}@example.com", "password": PASSPHRASE}
SIGN_IN = {"grant_type": "password", "username": DOOR * 254, "password": DOOR * 128}
LARGEST: dict[str, tuple[dict[str, Any], int]] = {
    "create_gizmo": (GIZMO, 65_536),
    "replace_gizmo": (GIZMO, 65_536),
    "update_gizmo": (GIZMO, 65_536),
    "register_user": (ACCOUNT, 16_384),
    "update_current_user": ({**ACCOUNT, "current_password": DOOR * 128}, 16_384),
    "delete_current_user": ({"current_password": DOOR * 128}, 16_384),
    "update_user": ({"role": "admin", "active": False}, 16_384),
    "create_token": ({**SIGN_IN, "refresh_token": "%" * 200}, 16_384),
    "revoke_token": ({"token": "%" * 4096}, 16_384),
}
"""The largest valid body of each operation, and how many bytes it takes."""


def test_each_body_has_room_for_the_largest_that_is_valid(app: AsyncFlask) -> None:
    bodies = {
        name: (operation.body, operation.max_body)
        for name, endpoint in endpoints(app).items()
        if (operation := endpoint.operation).body is not None
    }
    for name, (value, expected) in LARGEST.items():
        schema, limit = bodies[name]
        if issubclass(schema, FormInput):
            data = urlencode(value).encode()
            assert schema().load(load_form(data)), name
        else:
            data = json.dumps(value, indent=4).encode()
            assert schema().load(load_json(data)), name
        assert len(data) < limit == expected, name


def test_a_schema_whose_field_has_no_bound_stops_the_start() -> None:
    for field in (fields.String(), fields.List(Text(max_length=1)), fields.Raw(), fields.Integer()):
        careless = InputSchema.from_dict({"note": field}, name="Careless")
        with pytest.raises(TypeError, match=r"Careless\.note: use a field with a bound"):
            careless()


async def post(app: AsyncFlask, path: str, content: bytes, content_type: bytes) -> Answer:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(content))]
    return await answer_of(bridged(app), content, method="POST", path=path, headers=headers)


async def test_an_address_of_400_kb_is_refused_before_it_is_read(app: AsyncFlask) -> None:
    """33 s of work, once: NFKC of so many accents."""
    accents = "a" + "\u0301\u0327" * 100_000
    body = json.dumps({"email": accents, "password": "x" * 12}, ensure_ascii=False).encode()
    begin = time.process_time()
    answer = await post(app, "/api/auth/register", body, b"application/json")
    assert answer.status == 413
    assert json.loads(answer.body)["detail"] == "The body may have 16384 bytes."
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/api/auth/token", b"grant_type=password&username=" + b"%41" * 5000),
        ("/api/auth/logout", b"token=" + b"%41" * 5000),
        ("/api/auth/token", b"&".join(b"a%d=" % n for n in range(1000))),
    ],
)
async def test_a_form_is_refused_by_what_it_has_too_much_of(
    app: AsyncFlask, path: str, data: bytes
) -> None:
    answer = await post(app, path, data, b"application/x-www-form-urlencoded")
    assert answer.status == 400


HEADERS = (
    *("Accept", "Authorization", "Cookie", "Host", "If-Match", "If-None-Match", "Idempotency-Key"),
    *("X-Request-ID", "X-Forwarded-For", "Origin", "Range", "If-Modified-Since", "Content-Type"),
    *("Access-Control-Request-Headers", "Content-Encoding", "Upgrade", "Forwarded", "Expect"),
)
PREFLIGHT = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "PUT"}
REQUESTS = (("POST", "/api/gizmos"), ("GET", "/openapi.json"), ("OPTIONS", "/api/gizmos"))


def send(client: FlaskClient, method: str, path: str, header: str, unit: str, length: int) -> None:
    value = (unit * length)[:length].strip() or "x"
    headers = PREFLIGHT if method == "OPTIONS" else {}
    response = client.open(path, method=method, headers={**headers, header: value})
    assert response.status_code < 500


@pytest.mark.no_database
async def test_a_query_is_measured_before_it_is_decoded(app: AsyncFlask) -> None:
    """16 KiB of %FF took 20 ms. The raw byte behind it would be another error."""
    query = {"QUERY_STRING": "q=" + "%FF" * 1_400 + "&r=\xff"}
    response = app.test_client().get("/api/gizmos", environ_overrides=query)
    assert response.status_code == 400
    detail = "The query may have 4096 bytes besides its cursor."
    assert response.get_json()["errors"] == [{"detail": detail}]


@pytest.mark.no_database
async def test_a_media_type_of_many_parameters_is_refused_unread(app: AsyncFlask) -> None:
    media_type = b"application/json;" + b"a=b;" * 5000
    answer = await post(app, "/api/gizmos", b"{}", media_type)
    assert answer.status == 415
    assert json.loads(answer.body)["errors"][0]["header"] == "Content-Type"


@pytest.mark.parametrize(
    "unit", ["a", " ", ",", '"', '"",', "%41", "9", ";=", "a=b;", "W/", "Bearer ", "["]
)
def test_no_header_costs_more_than_its_length(app: AsyncFlask, unit: str) -> None:
    client = app.test_client()
    for name in HEADERS:
        for method, path in REQUESTS:
            assert_proportional(partial(send, client, method, path, name, unit), (name, method))
