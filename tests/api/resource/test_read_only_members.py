"""A PUT of what a GET returned: read-only members are accepted if they are those of the row."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx

from tests.api.resource.requests import BODY, PATH, create


async def test_the_body_of_a_get_can_be_sent_back_by_put(client: httpx.AsyncClient) -> None:
    path = f"{PATH}/{(await create(client, price='9.5', extras=['sea']))['id']}"
    for version in (2, 3):
        read = (await client.get(path)).json()
        replaced = await client.put(path, json=read)
        assert replaced.status_code == 200, replaced.text
        assert replaced.json() == {**read, **moved_on(replaced.json())}
        assert replaced.json()["version"] == version
    read = (await client.get(path)).json()
    in_other_forms = {
        "id": read["id"].upper(),
        "created_at": read["created_at"][:23] + "Z",  # as JavaScript's Date
        "updated_at": read["updated_at"].replace("Z", "+00:00"),
    }
    again = await client.put(path, json={**read, **in_other_forms})
    assert (again.status_code, again.json()["version"]) == (200, 4)


def moved_on(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("updated_at", "version")}


async def test_a_read_only_member_that_differs_from_the_row_is_refused(
    client: httpx.AsyncClient,
) -> None:
    other = await create(client)
    row = await create(client)
    path = f"{PATH}/{row['id']}"
    contradictions: list[dict[str, Any]] = [
        {"id": other["id"]},
        {"id": 5},
        {"created_at": "2020-01-01T00:00:00Z"},
        {"created_at": None},
        {"updated_at": "yesterday"},
        {"version": 2},
        {"version": "x", "id": None},
    ]
    for members in contradictions:
        response = await client.put(path, json={**row, **members})
        assert response.status_code == 400, members
        pointers = [error["pointer"] for error in response.json()["errors"]]
        assert pointers == sorted(f"/{name}" for name in members)
        assert "Read-only" in response.json()["errors"][0]["detail"]
    assert (await client.get(path)).json() == row
    for method, path_of in (("POST", PATH), ("PATCH", path)):
        response = await client.request(method, path_of, json={**BODY, "version": 1})
        assert [error["pointer"] for error in response.json()["errors"]] == ["/version"], method


async def test_a_stale_if_match_is_reported_before_stale_members(client: httpx.AsyncClient) -> None:
    row = await create(client)
    path = f"{PATH}/{row['id']}"
    await client.patch(path, json={"floor": 4})
    stale = await client.put(path, json=row, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "/errors/precondition-failed")
    assert (await client.put(path, json=row)).status_code == 400
    gone = await client.put(f"{PATH}/{uuid4()}", json=row)
    assert gone.status_code == 404


async def test_one_of_16_concurrent_writes_of_the_same_version_wins(
    client: httpx.AsyncClient,
) -> None:
    row = await create(client)
    path = f"{PATH}/{row['id']}"
    bodies = [{**row, "floor": floor} for floor in range(16)]
    answers = await asyncio.gather(*(client.put(path, json=body) for body in bodies))
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 200
    assert set(codes[1:]) <= {400, 412}
    assert (await client.get(path)).json()["version"] == 2
