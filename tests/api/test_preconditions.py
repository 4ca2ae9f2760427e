"""Clients can't overwrite each other's changes, and don't get unchanged representations again."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import create_app
from storage import Database
from tests.conftest import bridged
from tests.factory import PATIENT, settings_for
from tests.gizmos import gizmo_input
from tests.processes import started

WRITES = ["PUT", "PATCH", "DELETE"]
ON_BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
"""Which write wins is decided in the database."""


async def create(client: httpx.AsyncClient) -> str:
    response = await client.post("/api/gizmos", json=gizmo_input())
    assert response.status_code == 201
    return response.headers["Location"]


async def write(
    client: httpx.AsyncClient, method: str, path: str, **headers: str
) -> httpx.Response:
    body = None if method == "DELETE" else {"name": "Second"}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.request(method, path, json=body, headers=names)


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "if_match", ['"1"', "*", '"7", "1"', '"x" ,\t"1"', ' "1" ', '"1",', ', "1"', '"x", , "1"']
)
async def test_writes_the_version_that_the_client_saw(
    client: httpx.AsyncClient, method: str, if_match: str
) -> None:
    response = await write(client, method, await create(client), If_Match=if_match)
    assert response.status_code in {200, 204}


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "if_match",
    [
        '"2"',
        '"8c1a4c0e-57d1-4b5e-a4f5-0c9f2f3e7a11-1"',
        'W/"1"',
        '""',
        '"01"',
        '"abc", W/"1"',
        f'"{10**30}"',
        '"2147483648"',
    ],
)
async def test_refuses_to_write_another_version(
    client: httpx.AsyncClient, method: str, if_match: str
) -> None:
    path = await create(client)
    before = (await client.get(path)).json()
    response = await write(client, method, path, If_Match=if_match)
    assert response.status_code == 412
    assert response.json()["type"] == "/errors/precondition-failed"
    assert (await client.get(path)).json() == before


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
@pytest.mark.parametrize("value", ["1", '"1', "", '"1" "2"', ",, ,", "*, *", '"1 "', 'w/"1"'])
async def test_refuses_a_malformed_precondition(
    client: httpx.AsyncClient, method: str, header: str, value: str
) -> None:
    path = await create(client)
    body = {} if method == "DELETE" else {"json": {"name": "Second"}}
    sent: Any = {header: value.encode("latin-1")}
    response = await client.request(method, path, headers=sent, **body)  # type: ignore[arg-type]  # either nothing or a body
    assert response.status_code == 400
    assert [error["header"] for error in response.json()["errors"]] == [header]
    assert (await client.get(path)).json()["version"] == 1


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    ("if_none_match", "written"), [("*", False), ('"1"', False), ('W/"1"', False), ('"2"', True)]
)
async def test_a_write_may_ask_for_what_must_not_be_stored(
    client: httpx.AsyncClient, method: str, if_none_match: str, written: bool
) -> None:
    response = await write(client, method, await create(client), If_None_Match=if_none_match)
    assert (response.status_code < 300) == written
    assert response.status_code in {200, 204, 412}


@pytest.mark.parametrize("method", WRITES)
async def test_a_missing_resource_is_404_with_any_precondition(
    client: httpx.AsyncClient, method: str
) -> None:
    path = await create(client)
    await client.delete(path)
    for if_match in ("*", '"1"', '"9"'):
        response = await write(client, method, path, If_Match=if_match)
        assert response.status_code == 404


@pytest.mark.parametrize("if_none_match", ['"1"', 'W/"1"', "*", '"x", "1"'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_does_not_send_again_what_the_client_has(
    client: httpx.AsyncClient, method: str, if_none_match: str
) -> None:
    path = await create(client)
    response = await client.request(method, path, headers={"If-None-Match": if_none_match})
    assert response.status_code == 304
    assert response.headers["ETag"] == '"1"'
    assert response.content == b""
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        ('"1"', 200),
        ("*", 200),
        ('"9", "1"', 200),
        ('"9"', 412),
        ('W/"1"', 412),
        ("1", 400),
        ('"1",' * 2000, 400),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_reads_only_the_version_that_is_asked_for(
    client: httpx.AsyncClient, method: str, if_match: str, status: int
) -> None:
    path = await create(client)
    headers = {"If-Match": if_match, "If-None-Match": '"9"'}
    response = await client.request(method, path, headers=headers)
    assert response.status_code == status
    if method == "GET" and status != 200:
        problems = {400: "/errors/invalid-request", 412: "/errors/precondition-failed"}
        assert response.json()["type"] == problems[status]


async def test_if_match_is_evaluated_before_if_none_match(client: httpx.AsyncClient) -> None:
    path = await create(client)
    both = {"If-None-Match": '"1"'}
    assert (await client.get(path, headers={"If-Match": '"1"', **both})).status_code == 304
    assert (await client.get(path, headers={"If-Match": '"2"', **both})).status_code == 412
    assert (await client.get(f"{path[:-1]}x", headers={"If-Match": '"2"'})).status_code == 404


async def test_a_page_is_read_only_as_it_was(client: httpx.AsyncClient) -> None:
    path = await create(client)
    etag = (await client.get("/api/gizmos")).headers["ETag"]
    as_it_was = {"If-Match": etag}
    assert (await client.get("/api/gizmos", headers=as_it_was)).status_code == 200
    await client.patch(path, json={"status": "done"})
    assert (await client.get("/api/gizmos", headers=as_it_was)).status_code == 412


async def test_sends_what_has_changed(client: httpx.AsyncClient) -> None:
    path = await create(client)
    await client.patch(path, json={"status": "done"})
    response = await client.get(path, headers={"If-None-Match": '"1"'})
    assert response.status_code == 200
    assert response.headers["ETag"] == '"2"'


async def test_a_page_has_a_validator_that_every_change_changes(
    client: httpx.AsyncClient,
) -> None:
    path = await create(client)
    seen = [(await client.get("/api/gizmos")).headers["ETag"]]
    unchanged = await client.get("/api/gizmos", headers={"If-None-Match": seen[0]})
    assert unchanged.status_code == 304
    assert unchanged.content == b""
    for change in (
        client.patch(path, json={"status": "done"}),
        client.post("/api/gizmos", json=gizmo_input()),
        client.delete(path),
    ):
        await change
        response = await client.get("/api/gizmos", headers={"If-None-Match": seen[-1]})
        assert response.status_code == 200
        seen.append(response.headers["ETag"])
    seen.append((await client.get("/api/gizmos?limit=1")).headers["ETag"])
    assert len(set(seen[:4])) == 4


async def test_a_server_may_want_a_precondition_with_every_change(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, IF_MATCH_REQUIRED="true"))
    transport = httpx.ASGITransport(bridged(app))
    async with (
        app.services[Database],
        httpx.AsyncClient(transport=transport, base_url="http://t") as client,
    ):
        path = await create(client)
        for method in WRITES:
            nothing = "/api/gizmos/8c1a4c0e-57d1-4b5e-a4f5-0c9f2f3e7a11"
            assert (await write(client, method, nothing)).status_code == 404
            response = await write(client, method, path)
            assert response.status_code == 428
            assert response.json()["type"] == "/errors/precondition-required"
        assert (await write(client, "PATCH", path, If_Match='"1"')).status_code == 200
        assert (await write(client, "PUT", path, If_Match="*")).status_code == 200


@pytest.fixture
def rounds(long_form: bool) -> int:
    """Races of each kind."""
    return 100 if long_form else 3


@ON_BOTH
async def test_one_of_64_racing_writers_wins(client: httpx.AsyncClient, rounds: int) -> None:
    path = await create(client)
    for version in range(1, rounds + 1):
        racing = [write(client, "PATCH", path, If_Match=f'"{version}"') for _ in range(64)]
        statuses = sorted(response.status_code for response in await asyncio.gather(*racing))
        assert statuses == [200] + [412] * 63
    assert (await client.get(path)).json()["version"] == rounds + 1


@ON_BOTH
async def test_one_of_64_writers_to_two_processes_wins(
    database_url: str, tmp_path: Path, rounds: int
) -> None:
    settings = {"PORT": "0", "DATABASE_URL": database_url, **PATIENT}
    with (
        started(tmp_path, "tests.asgi", **settings) as one,
        started(tmp_path, "tests.asgi", **settings) as other,
    ):
        async with (
            httpx.AsyncClient(base_url=one) as first,
            httpx.AsyncClient(base_url=other) as second,
        ):
            path = await create(first)
            for version in range(1, rounds + 1):
                racing = [
                    write(client, "PATCH", path, If_Match=f'"{version}"')
                    for _ in range(32)
                    for client in (first, second)
                ]
                statuses = sorted(r.status_code for r in await asyncio.gather(*racing))
                assert statuses == [200] + [412] * 63


@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
async def test_a_patch_has_either_media_type(client: httpx.AsyncClient, media_type: str) -> None:
    path = await create(client)
    headers = {"Content-Type": media_type}
    response = await client.patch(path, content=b'{"status": "done"}', headers=headers)
    assert response.status_code == 200
    assert response.headers["Accept-Patch"] == "application/json, application/merge-patch+json"


async def test_says_which_media_types_a_patch_may_have(client: httpx.AsyncClient) -> None:
    path = await create(client)
    accepted = "application/json, application/merge-patch+json"
    assert (await client.options(path)).headers["Accept-Patch"] == accepted
    assert "Accept-Patch" not in (await client.options("/api/gizmos")).headers
    headers = {"Content-Type": "application/json-patch+json"}
    refused = await client.patch(path, content=b"[]", headers=headers)
    assert refused.status_code == 415
    assert refused.headers["Accept-Patch"] == accepted
    headers = {"Content-Type": "application/merge-patch+json"}
    assert (await client.put(path, content=b"{}", headers=headers)).status_code == 415
