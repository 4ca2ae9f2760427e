"""What a careful API answers to a careless or hostile body."""

import json
from typing import Any

import httpx
import pytest

from api import create_app
from storage import Database
from tests.conftest import bridged
from tests.factory import settings_for
from tests.gizmos import gizmo_input

JSON = {"Content-Type": "application/json"}


async def post(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    response = await client.post("/api/gizmos", content=body, headers={**JSON, **headers})
    if response.status_code >= 400:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["detail"] == response.json()["error"]
        assert (await client.get("/api/gizmos")).json()["gizmos"] == [], "nothing is stored"
    return response


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body is empty."),
        (b"{", "line 1, column 2"),
        (b'{"name": "a"} x', "Extra data at line 1, column 15"),
        (b'{"name": "a", "name": "b"}', "the same key twice"),
        (b'{"name": "a", "quantity": NaN}', "NaN, which is not valid JSON"),
        (b'{"name": "a", "quantity": -Infinity}', "-Infinity, which is not valid JSON"),
        (b'{"name": "a", "quantity": 1e999}', "a number that is too large"),
        (b'{"name": "a", "quantity": ' + b"9" * 5000 + b"}", "a number that is too large"),
        (b"[" * 1000 + b"]" * 1000, "nested too deeply"),
        (b'{"a":' * 1000 + b"1" + b"}" * 1000, "nested too deeply"),
        (b"[" * 30_000 + b"]" * 30_000, "more than 1000 members, elements or levels"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "more than 1000 members, elements or levels"),
        (b"[" + b"0," * 1000 + b"0]", "more than 1000 members, elements or levels"),
        (b'["\\"",' + b'"\\\\",' * 1000 + b"0]", "more than 1000 members, elements or levels"),
        (b'{"name": "' + b"[," * 1000, "The body is not JSON: Unterminated string"),
        ('{"name": "a"}'.encode("utf-16"), "not UTF-8"),
        (b'{"name": "\xff"}', "not UTF-8"),
        (b'\xef\xbb\xbf{"name": "a"}', "The body begins with a byte order mark"),
        (b"{'name': 'a'}", "The body is not JSON"),
        (b'{"name": "a\nb"}', "The body is not JSON"),
    ],
)
async def test_refuses_what_is_not_json(
    client: httpx.AsyncClient, body: bytes, detail: str
) -> None:
    response = await post(client, body)
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert detail in error["detail"]
    assert error["pointer"] == ""


@pytest.mark.parametrize("body", [[], [1], "text", 5, None, True])
async def test_refuses_json_that_is_no_object(client: httpx.AsyncClient, body: Any) -> None:
    response = await post(client, json.dumps(body).encode())
    assert response.status_code == 400
    assert response.json()["errors"] == [{"detail": "Must be a JSON object.", "pointer": ""}]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": " \t\n"}, "/name"),
        ({"name": None}, "/name"),
        ({"name": 5}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": " " * 200 + "x"}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"description": "x" * 2001}, "/description"),
        ({"description": "\x00"}, "/description"),
        ({"description": []}, "/description"),
        ({"status": "started"}, "/status"),
        ({"status": None}, "/status"),
        ({"quantity": True}, "/quantity"),
        ({"quantity": "5"}, "/quantity"),
        ({"quantity": 5.5}, "/quantity"),
        ({"quantity": 2.0**53}, "/quantity"),
        ({"quantity": 2.0**80}, "/quantity"),
        ({"quantity": -1}, "/quantity"),
        ({"quantity": 2**31}, "/quantity"),
        ({"quantity": 10**18}, "/quantity"),
        ({"tags": "home"}, "/tags"),
        ({"tags": None}, "/tags"),
        ({"tags": [""]}, "/tags/0"),
        ({"tags": ["x", " \u200b"]}, "/tags/1"),
        ({"tags": ["a", 5]}, "/tags/1"),
        ({"tags": ["a", "b", "a"]}, "/tags/2"),
        ({"tags": ["x" * 51]}, "/tags/0"),
        ({"tags": [str(n) for n in range(21)]}, "/tags"),
        ({"id": "3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"}, "/id"),
        ({"a/b~c": 1}, "/a~1b~0c"),
    ],
)
async def test_names_the_field_that_is_wrong(
    client: httpx.AsyncClient, fields: dict[str, Any], pointer: str
) -> None:
    response = await post(client, json.dumps(gizmo_input(**fields)).encode())
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert response.json()["detail"].startswith(f"{pointer}: ")


async def test_a_number_without_a_fraction_is_an_integer(client: httpx.AsyncClient) -> None:
    """As in JSON Schema, and so in the document."""
    for text, value in [(b"1.0", 1), (b"2e1", 20), (b"-0.0", 0)]:
        created = await post(client, b'{"name": "a", "quantity": ' + text + b"}")
        assert (created.status_code, created.json()["quantity"]) == (201, value)
        await client.delete(created.headers["Location"])


async def test_errors_have_one_order_in_every_process(client: httpx.AsyncClient) -> None:
    """A set of names, which marshmallow uses, has another order in each process."""
    unknown = {f"x{n}": n for n in range(50)}
    body = json.dumps({"quantity": "5", "tags": [5, "a", 6], **unknown}).encode()
    pointers = [error["pointer"] for error in (await post(client, body)).json()["errors"]]
    assert pointers == [
        "/name",
        "/quantity",
        "/tags/0",
        "/tags/2",
        *sorted(f"/{k}" for k in unknown),
    ]
    response = await client.get("/api/gizmos", params={**unknown, "limit": 0})
    parameters = [error["parameter"] for error in response.json()["errors"]]
    assert parameters == ["limit", *sorted(unknown)]


@pytest.mark.parametrize(
    ("query", "parameter", "detail"),
    [
        (
            "status[]=todo&status[]=done",
            "status[]",
            "Write status without brackets, and repeat it: status=…&status=…",
        ),
        ("tag%5B0%5D=home", "tag[0]", "Write tag without brackets, and repeat it: tag=…&tag=…"),
        ("q[]=a", "q[]", "Unknown field."),
        ("include_total=True", "include_total", "Must be true or false."),
        ("include_total=1", "include_total", "Must be true or false."),
        ("status=todo,done", "status", "Repeat status for several values, without commas."),
    ],
)
async def test_the_error_for_bracketed_or_comma_separated_lists_says_how_to_write_them(
    client: httpx.AsyncClient, query: str, parameter: str, detail: str
) -> None:
    response = await client.get(f"/api/gizmos?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][-1] == {"detail": detail, "parameter": parameter}


async def test_probes_may_add_parameters(client: httpx.AsyncClient) -> None:
    for path in ("/api/health?ts=1&ts=2", "/api/ready?ts[]=1"):
        assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"name": "\\ud800"}', "/name"),
        (b'{"name": "a", "tags": ["\\udfff"]}', "/tags/0"),
        (b'{"name": "a", "\\ud800": 1}', "/\\ud800"),
    ],
)
async def test_refuses_half_a_surrogate_pair(
    client: httpx.AsyncClient, body: bytes, pointer: str
) -> None:
    response = await post(client, body)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


async def test_lists_everything_that_is_wrong_at_once(client: httpx.AsyncClient) -> None:
    response = await post(client, b'{"quantity": "5", "colour": "red", "tags": [1, 2]}')
    pointers = {error["pointer"] for error in response.json()["errors"]}
    assert pointers == {"/name", "/quantity", "/colour", "/tags/0", "/tags/1"}
    assert response.json()["detail"].endswith(" (and 2 more)")


@pytest.mark.parametrize("name", ["x", "[,{" * 66, '\\"[,' * 40])
async def test_brackets_and_commas_within_strings_do_not_count_as_values(
    client: httpx.AsyncClient, name: str
) -> None:
    gizmo = gizmo_input(name=name, description=",[{" * 660)
    assert (await post(client, json.dumps(gizmo).encode())).status_code == 201


async def test_hundreds_of_mistakes_make_a_short_answer(client: httpx.AsyncClient) -> None:
    body = {"name": "a", **{f"{'k' * 300}{n}": n for n in range(200)}}
    response = await post(client, json.dumps(body).encode())
    assert response.status_code == 400
    assert len(response.json()["errors"]) == 100
    assert len(response.content) < 40_000


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": ""},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json, application/json"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_refuses_another_media_type(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await post(client, b'{"name": "a"}', **headers)
    assert response.status_code == 415
    assert response.json()["type"] == "/errors/unsupported-media-type"
    (error,) = response.json()["errors"]
    assert error["header"] in {"Content-Type", "Content-Encoding"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": 'Application/JSON; charset="UTF-8"'},
        {"Content-Type": "application/json", "Content-Encoding": "identity"},
    ],
)
async def test_every_spelling_of_the_json_media_type_is_accepted(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await post(client, b'{"name": "a"}', **headers)).status_code == 201


async def test_a_body_may_be_as_long_as_the_limit_and_no_longer(tmp_path: Any) -> None:
    app = create_app(settings_for(tmp_path, MAX_BODY_BYTES="30"))
    transport = httpx.ASGITransport(bridged(app))
    async with (
        app.services[Database],
        httpx.AsyncClient(transport=transport, base_url="http://t") as client,
    ):
        longer = await post(client, b'{"name": "%s"}' % (b"x" * 19))
        assert longer.status_code == 413
        assert longer.json()["type"] == "/errors/content-too-large"
        assert longer.json()["detail"] == "The body may have 30 bytes."
        assert (await post(client, b'{"name": "%s"}' % (b"x" * 18))).status_code == 201


async def test_a_body_without_length_has_the_same_limit(tmp_path: Any) -> None:
    async def chunks(size: int) -> Any:
        yield b'{"name": "'
        yield b"x" * size
        yield b'"}'

    app = create_app(settings_for(tmp_path, MAX_BODY_BYTES="30"))
    transport = httpx.ASGITransport(bridged(app))
    async with (
        app.services[Database],
        httpx.AsyncClient(transport=transport, base_url="http://t") as client,
    ):
        for size, status in ((19, 413), (18, 201)):
            response = await client.post("/api/gizmos", content=chunks(size), headers=JSON)
            assert response.status_code == status
