"""Lists of gizmos through HTTP: order, filters, search, totals, cursors."""

import hashlib
from base64 import urlsafe_b64decode
from typing import Any

import httpx
import pytest

from tests.gizmos import gizmo_input

Query = dict[str, Any]


async def create(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await client.post("/api/gizmos", json=gizmo_input(**fields))
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


async def names(client: httpx.AsyncClient, **query: Any) -> list[str]:
    response = await client.get("/api/gizmos", params=query)
    assert response.status_code == 200, response.text
    return [gizmo["name"] for gizmo in response.json()["gizmos"]]


@pytest.fixture
async def three(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Three gizmos; the first is written again last."""
    first = await create(client, name="b", status="todo", tags=["home", "urgent"])
    second = await create(client, name="a", status="doing", tags=["home"], description=None)
    third = await create(client, name="B", status="done", tags=[], description="Crème brûlée")
    changed = await client.patch(f"/api/gizmos/{first['id']}", json={"quantity": 5})
    return [changed.json(), second, third]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "Bab"),
        ({"sort": "-created_at"}, "Bab"),
        ({"sort": "created_at"}, "baB"),
        ({"sort": "updated_at"}, "aBb"),
        ({"sort": "-updated_at"}, "bBa"),
        ({"sort": "name"}, "Bab"),
        ({"sort": "-name"}, "baB"),
        ({"status": "todo"}, "b"),
        ({"status": ["todo", "done"]}, "Bb"),
        ({"status": ["todo", "todo"]}, "b"),
        ({"tag": "home"}, "ab"),
        ({"tag": ["home", "urgent"]}, "b"),
        ({"tag": ["home", "home"]}, "ab"),
        ({"tag": "Home"}, ""),
        ({"tag": "home", "status": ["doing", "done"]}, "a"),
        ({"q": "KITCHEN"}, "b"),
        ({"q": "kit* two"}, "b"),
        ({"q": "creme BRULÉE*"}, "B"),
        ({"q": "creme kitchen"}, ""),
        ({"q": "b"}, "Bb"),
        ({"q": "!"}, "Bab"),
        ({"q": ""}, "Bab"),
        ({"q": "b", "sort": "name", "tag": "urgent"}, "b"),
    ],
)
@pytest.mark.usefixtures("three")
async def test_lists_what_is_asked_for(
    client: httpx.AsyncClient, query: Query, expected: str
) -> None:
    assert await names(client, **query) == list(expected)


async def test_times_are_exclusive(client: httpx.AsyncClient, three: list[dict[str, Any]]) -> None:
    first, _, third = three
    assert await names(client, created_after=first["created_at"]) == ["B", "a"]
    assert await names(client, created_before=third["created_at"]) == ["a", "b"]
    assert await names(client, updated_after=third["updated_at"]) == ["b"]
    between = {"created_after": first["created_at"], "created_before": third["created_at"]}
    assert await names(client, **between, sort="name") == ["a"]


@pytest.mark.parametrize("offset", ["Z", "z", "+00:00", "-00:00"])
async def test_a_time_has_an_offset(
    client: httpx.AsyncClient, three: list[dict[str, Any]], offset: str
) -> None:
    moment = three[1]["created_at"].removesuffix("Z") + offset
    assert await names(client, created_after=moment) == ["B"]


async def test_the_offset_of_a_timestamp_filter_counts(
    client: httpx.AsyncClient, three: list[dict[str, Any]]
) -> None:
    clock = three[2]["created_at"].removesuffix("Z")
    assert await names(client, created_after=f"{clock}+01:00") == ["B", "a", "b"]
    assert await names(client, created_after=f"{clock}-01:00") == []


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("created_after", "2026-11-20T09:30:00"),
        ("created_after", "2026-11-20"),
        ("created_after", "2026-11-20T09:30:00 01:00"),
        ("created_before", "2026-11-20 09:30:00Z"),
        ("created_before", "2026-02-30T09:30:00Z"),
        ("created_before", "0001-01-01T00:00:00+14:00"),
        ("created_before", "9999-12-31T23:59:59-14:00"),
        ("updated_after", "20261120T093000Z"),
        ("updated_after", "1732095000"),
        ("updated_after", "٢٠٢٦-11-20T09:30:00Z"),
        ("updated_after", ""),
        ("sort", "quantity"),
        ("sort", "--name"),
        ("sort", ""),
        ("sort", ["name", "name"]),
        ("q", ["a", "b"]),
        ("q", "x" * 201),
        ("q", "\x00"),
        ("status", "started"),
        ("status", ["todo", ""]),
        ("status", ["todo"] * 4),
        ("tag", ""),
        ("tag", ["home", "x" * 51]),
        ("tag", [str(number) for number in range(21)]),
        ("include_total", "yes"),
        ("include_total", "1"),
        ("include_total", ["true", "true"]),
    ],
)
async def test_names_the_parameter_that_is_wrong(
    client: httpx.AsyncClient, parameter: str, value: Any
) -> None:
    response = await client.get("/api/gizmos", params={parameter: value})
    assert response.status_code == 400
    assert [error["parameter"] for error in response.json()["errors"]] == [parameter]


@pytest.mark.usefixtures("three")
async def test_a_total_comes_when_it_is_asked_for(client: httpx.AsyncClient) -> None:
    async def total(**query: Any) -> tuple[int | None, bool | None]:
        page = (await client.get("/api/gizmos", params={"limit": 1, **query})).json()
        return page["total"], page["total_is_exact"]

    assert await total() == (None, None)
    assert await total(include_total="false") == (None, None)
    assert await total(include_total="true") == (3, True)
    assert await total(include_total="true", tag="home") == (2, True)
    assert await total(include_total="true", q="b", status=["todo", "doing"]) == (1, True)
    assert await total(include_total="true", q="nothing") == (0, True)


@pytest.mark.usefixtures("three")
async def test_the_link_leads_on_with_the_same_order_and_filters(
    client: httpx.AsyncClient,
) -> None:
    query: Query = {"tag": "home", "status": ["todo", "doing"], "sort": "name", "limit": 1}
    first = await client.get("/api/gizmos", params=query)
    link = first.headers["Link"]
    assert link.startswith(
        "</api/gizmos?tag=home&status=todo&status=doing&sort=name&limit=1&cursor"
    )
    second = await client.get(link[1 : link.index(">")])
    assert [gizmo["name"] for gizmo in second.json()["gizmos"]] == ["b"]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("sort", ["name", "-name", "updated_at", "-updated_at", "created_at"])
async def test_pages_meet_in_every_order(client: httpx.AsyncClient, sort: str) -> None:
    seen, query = [], {"sort": sort, "limit": "1"}
    while True:
        page = (await client.get("/api/gizmos", params=query)).json()
        seen += [gizmo["name"] for gizmo in page["gizmos"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == await names(client, sort=sort)


async def test_a_cursor_of_a_long_text_is_short(client: httpx.AsyncClient) -> None:
    long = ["é" * 200, "é" * 199 + "😀"]
    for name in long:
        await create(client, name=name)
    first = (await client.get("/api/gizmos", params={"sort": "name", "limit": 1})).json()
    assert len(first["next_cursor"]) < 200
    assert await names(client, sort="name", cursor=first["next_cursor"]) == [long[1]]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    "other",
    [
        {},
        {"sort": "-name", "tag": "home"},
        {"sort": "name"},
        {"sort": "name", "tag": "urgent"},
        {"sort": "name", "tag": ["home", "urgent"]},
        {"sort": "name", "tag": "home", "status": "todo"},
        {"sort": "name", "tag": "home", "q": "a"},
        {"sort": "name", "tag": "home", "created_after": "2026-01-01T00:00:00Z"},
    ],
)
async def test_a_cursor_belongs_to_its_order_and_filters(
    client: httpx.AsyncClient, other: Query
) -> None:
    first = await client.get("/api/gizmos", params={"sort": "name", "tag": "home", "limit": 1})
    cursor = first.json()["next_cursor"]
    response = await client.get("/api/gizmos", params={**other, "cursor": cursor})
    assert response.status_code == 400
    assert [error["parameter"] for error in response.json()["errors"]] == ["cursor"]


@pytest.mark.usefixtures("three")
async def test_a_cursor_is_valid_with_another_limit_and_another_order_of_parameters(
    client: httpx.AsyncClient,
) -> None:
    query: Query = {"status": ["todo", "done"], "limit": 1}
    cursor = (await client.get("/api/gizmos", params=query)).json()["next_cursor"]
    again = {"status": ["done", "todo"], "sort": "-created_at", "include_total": "true"}
    assert await names(client, **again, cursor=cursor) == ["b"]


async def test_a_write_changes_what_a_search_finds(client: httpx.AsyncClient) -> None:
    gizmo = await create(client, name="Lamp", description="green", tags=["old"])
    path = f"/api/gizmos/{gizmo['id']}"
    await client.patch(path, json={"name": "Ladder"})
    assert await names(client, q="ladder green", tag="old") == ["Ladder"]
    assert await names(client, q="lamp") == []
    await client.patch(path, json={"description": "red", "tags": ["new"]})
    assert await names(client, q="ladder red", tag="new") == ["Ladder"]
    assert await names(client, q="green") == []
    assert await names(client, tag="old") == []
    await client.put(path, json={"name": "Shelf"})
    assert await names(client, q="shelf") == ["Shelf"]
    assert await names(client, q="red") == []
    assert await names(client, tag="new") == []
    await client.delete(path)
    assert await names(client, q="shelf") == []


async def test_a_cursor_is_signed_with_sha256(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        await client.post("/api/gizmos", json=gizmo_input())
    cursor = (await client.get("/api/gizmos?limit=1")).json()["next_cursor"]
    signature = cursor.rpartition(".")[2]
    assert len(urlsafe_b64decode(signature + "=")) == hashlib.sha256().digest_size
