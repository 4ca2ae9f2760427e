"""The six item operations, through HTTP."""

from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.items import item_input


async def create(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await client.post("/api/items", json=item_input(**fields))
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


async def test_creates_an_item_from_a_name_alone(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/items", json={"name": "  First item "})
    item = response.json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"/api/items/{item['id']}"
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Content-Type"] == "application/json"
    assert item == {
        "id": str(UUID(item["id"])),
        "name": "First item",
        "description": None,
        "status": "todo",
        "quantity": 1,
        "tags": [],
        "created_at": item["created_at"],
        "updated_at": item["created_at"],
        "version": 1,
    }
    assert datetime.fromisoformat(item["created_at"]).utcoffset() is not None
    assert len(item["created_at"]) == len("2026-11-20T09:30:00.123456Z")


async def test_keeps_every_field_that_was_sent(client: httpx.AsyncClient) -> None:
    sent = item_input(name="Tür 門 🚪", quantity=2_147_483_647, tags=["a", "b"])
    item = await create(client, **sent)
    read = await client.get(f"/api/items/{item['id']}")
    assert read.status_code == 200
    assert read.json() == item
    assert item.items() >= sent.items()
    assert read.headers["ETag"] == '"1"'


async def test_put_replaces_all_fields_of_an_item(client: httpx.AsyncClient) -> None:
    item = await create(client)
    response = await client.put(f"/api/items/{item['id']}", json={"name": "Second"})
    assert response.status_code == 200
    assert response.headers["ETag"] == '"2"'
    replaced = response.json()
    assert replaced["updated_at"] > item["updated_at"]
    assert replaced == item | {
        "name": "Second",
        "description": None,
        "status": "todo",
        "quantity": 1,
        "tags": [],
        "version": 2,
        "updated_at": replaced["updated_at"],
    }


async def test_changes_only_the_fields_that_were_sent(client: httpx.AsyncClient) -> None:
    item = await create(client)
    response = await client.patch(f"/api/items/{item['id']}", json={"status": "done"})
    assert response.status_code == 200
    assert response.headers["ETag"] == '"2"'
    changed = response.json()
    assert changed == item | {
        "status": "done",
        "version": 2,
        "updated_at": changed["updated_at"],
    }


async def test_null_in_a_patch_resets_to_the_default(client: httpx.AsyncClient) -> None:
    item = await create(client)
    nothing = {"description": None, "status": None, "quantity": None, "tags": None}
    response = await client.patch(f"/api/items/{item['id']}", json=nothing)
    assert response.status_code == 200
    defaults: dict[str, Any] = {"description": None, "status": "todo", "quantity": 1, "tags": []}
    assert response.json().items() >= defaults.items()


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        ({}, {"pointer": "", "detail": "Send at least one field to change."}),
        ({"name": None}, {"pointer": "/name", "detail": "Field may not be null."}),
        ({"version": 3}, {"pointer": "/version", "detail": "Unknown field."}),
    ],
)
async def test_refuses_a_patch_that_says_nothing_usable(
    client: httpx.AsyncClient, patch: dict[str, Any], error: dict[str, str]
) -> None:
    item = await create(client)
    response = await client.patch(f"/api/items/{item['id']}", json=patch)
    assert response.status_code == 400
    assert response.json()["errors"] == [error]
    assert (await client.get(f"/api/items/{item['id']}")).json() == item


async def test_a_deleted_item_is_not_found(client: httpx.AsyncClient) -> None:
    item = await create(client)
    response = await client.delete(f"/api/items/{item['id']}")
    assert response.status_code == 204
    assert response.content == b""
    assert "Content-Type" not in response.headers
    assert (await client.get(f"/api/items/{item['id']}")).status_code == 404
    assert (await client.delete(f"/api/items/{item['id']}")).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "item_id",
    [
        "8c1a4c0e-57d1-4b5e-a4f5-0c9f2f3e7a11",
        "1",
        "not-a-uuid",
        "00000000-0000-0000-0000-000000000000",
        "{3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b}",
        "3f0c6b1e8a534d0e9f0a6f3a1c2d4e5b",
        "%00",
        "%ff",
    ],
)
async def test_an_unknown_id_is_not_found(
    client: httpx.AsyncClient, method: str, item_id: str
) -> None:
    body = {"name": "x"} if method in {"PUT", "PATCH"} else None
    response = await client.request(method, f"/api/items/{item_id}", json=body)
    assert response.status_code == 404
    assert response.json()["type"] == "/errors/unknown-id"
    assert response.json()["error"] == "No item has this id."


async def test_an_id_is_the_same_in_capitals(client: httpx.AsyncClient) -> None:
    item = await create(client)
    assert (await client.get(f"/api/items/{item['id'].upper()}")).json() == item


async def test_an_empty_list_is_one_page(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/items")
    assert response.status_code == 200
    assert response.json() == {
        "items": [],
        "next_cursor": None,
        "total": None,
        "total_is_exact": None,
    }
    assert "Link" not in response.headers


async def test_lists_the_newest_first_page_by_page(client: httpx.AsyncClient) -> None:
    created = [await create(client, name=f"Item {n}") for n in range(5)]
    first = await client.get("/api/items", params={"limit": 2})
    assert first.json()["items"] == [created[4], created[3]]
    cursor = first.json()["next_cursor"]
    second = await client.get("/api/items", params={"limit": 2, "cursor": cursor})
    assert second.json()["items"] == [created[2], created[1]]
    link = second.headers["Link"]
    assert link.startswith("</api/items?limit=2&cursor=")
    assert link.endswith('>; rel="next"')
    third = await client.get(link[1 : link.index(">")])
    assert third.json()["items"] == [created[0]]
    assert third.json()["next_cursor"] is None


async def test_a_page_of_exactly_the_limit_is_the_last(client: httpx.AsyncClient) -> None:
    await create(client)
    response = await client.get("/api/items", params={"limit": 1})
    assert len(response.json()["items"]) == 1
    assert response.json()["next_cursor"] is None


async def test_items_that_come_and_go_leave_no_gap_and_no_double(
    client: httpx.AsyncClient,
) -> None:
    stay = [await create(client, name=f"Stays {n}") for n in range(6)]
    doomed = await create(client, name="Goes")
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/api/items", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        await create(client, name="Comes")
        # The item on which the next page starts goes too: a cursor is a place, not an item.
        await client.delete(f"/api/items/{doomed['id']}")
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert {item["id"] for item in stay} <= set(seen)


async def test_a_cursor_outlives_the_item_it_points_at(client: httpx.AsyncClient) -> None:
    items = [await create(client, name=f"Item {n}") for n in range(3)]
    first = (await client.get("/api/items", params={"limit": 1})).json()
    await client.delete(f"/api/items/{first['items'][0]['id']}")
    rest = await client.get("/api/items", params={"cursor": first["next_cursor"]})
    assert rest.json()["items"] == [items[1], items[0]]


@pytest.mark.no_database
@pytest.mark.parametrize("cursor", ["", "x", "WzFd", "WzEsICJ4Il0.c2lnbmF0dXJl", "%00", "9" * 5000])
async def test_refuses_a_cursor_that_it_never_gave(client: httpx.AsyncClient, cursor: str) -> None:
    response = await client.get("/api/items", params={"cursor": cursor})
    assert response.status_code == 400
    assert [e["parameter"] for e in response.json()["errors"]] == ["cursor"]


async def test_refuses_a_cursor_with_one_character_changed(client: httpx.AsyncClient) -> None:
    await create(client)
    await create(client)
    cursor = (await client.get("/api/items", params={"limit": 1})).json()["next_cursor"]
    for place in range(len(cursor) - 1):  # of the last one, not every bit counts in base64
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        response = await client.get("/api/items", params={"cursor": changed})
        assert response.status_code == 400, place


@pytest.mark.no_database
@pytest.mark.parametrize("limit", ["0", "-1", "201", "1000000000", "", "five", "5.0", "٣", "1e2"])
async def test_refuses_a_limit_out_of_bounds(client: httpx.AsyncClient, limit: str) -> None:
    response = await client.get("/api/items", params={"limit": limit})
    assert response.status_code == 400
    assert [e["parameter"] for e in response.json()["errors"]] == ["limit"]


@pytest.mark.no_database
@pytest.mark.parametrize("path", ["/api/items", "/api/items/1"])
async def test_an_unknown_query_parameter_is_refused(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path, params={"limt": "5"})
    assert response.status_code == 400
    assert response.json()["errors"] == [{"detail": "Unknown field.", "parameter": "limt"}]


async def test_probes_may_add_any_parameters(client: httpx.AsyncClient) -> None:
    for path in ("/api/health", "/api/ready"):
        response = await client.get(f"{path}?limt=5&limt=6&x=%ff")
        assert response.status_code == 200


@pytest.mark.no_database
async def test_a_repeated_single_parameter_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/items?limit=1&limit=2")
    assert response.status_code == 400
    assert response.json()["errors"] == [{"detail": "Must not be repeated.", "parameter": "limit"}]


async def test_head_has_the_headers_of_get_and_no_body(client: httpx.AsyncClient) -> None:
    item = await create(client)
    path = f"/api/items/{item['id']}"
    get, head = await client.get(path), await client.head(path)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert head.headers["ETag"] == get.headers["ETag"]
