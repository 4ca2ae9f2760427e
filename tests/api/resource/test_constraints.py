"""What the table of a resource says of several columns or rows: rules, relations, unique values."""

import re
from typing import Any

import httpx
import pytest

from api.runtime.async_flask import AsyncFlask
from openapi.operation import Access
from storage.accounts.tables import ADMIN
from tests.accounts import account
from tests.api.callers import Callers, described
from tests.api.resource.requests import BODY, PATH, create
from tests.api.test_permissions import answers_of
from tests.factory import PASSWORD

PROOF = {"current_password": PASSWORD}


async def test_every_kind_of_write_that_breaks_a_rule_is_refused(client: httpx.AsyncClient) -> None:
    refused = {"detail": "No suite is below floor -2.", "pointer": "/floor"}
    wrong = await client.post(PATH, json={**BODY, "kind": "suite", "floor": -3})
    assert (wrong.status_code, wrong.json()["errors"]) == (400, [refused])
    row = await create(client, floor=-3)
    path = f"{PATH}/{row['id']}"
    key = {"Idempotency-Key": "a-suite"}
    for method, body, headers in (
        ("PATCH", {"kind": "suite"}, {}),
        ("PATCH", {"kind": "suite"}, key),
        ("PUT", {**row, "kind": "suite"}, {}),
    ):
        response = await client.request(method, path, json=body, headers=headers)
        assert (response.status_code, response.json()["errors"]) == (400, [refused]), method
    assert (await client.get(path)).json() == row
    changed = await client.patch(path, json={"kind": "suite", "floor": 2}, headers=key)
    assert changed.status_code == 200, changed.text


async def test_a_row_that_another_row_refers_to_cannot_be_deleted(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    gizmo = (await client.post("/api/gizmos", json={"name": "Key"})).json()["id"]
    booking = await create(client, gizmo_id=gizmo)
    refused = await client.delete(f"/api/gizmos/{gizmo}")
    assert (refused.status_code, refused.json()["type"]) == (409, "/errors/still-referenced")
    assert refused.json()["detail"] == "Another resource refers to it, which is one of: bookings."
    found = await client.get(PATH, params={"gizmo_id": gizmo})
    assert [row["id"] for row in found.json()["bookings"]] == [booking["id"]]
    anna = await account(app)
    theirs = await client.post(PATH, json={**BODY, "gizmo_id": gizmo}, headers=anna.headers)
    assert [error["pointer"] for error in theirs.json()["errors"]] == ["/gizmo_id"]
    assert (await client.get(PATH, headers=anna.headers)).json()["bookings"] == []


async def test_a_user_cannot_be_deleted_while_another_owners_row_refers_to_their_row(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    anna, boss = await account(app), await account(app, ADMIN)
    created = await client.post("/api/gizmos", json={"name": "Key"}, headers=anna.headers)
    gizmo = created.json()["id"]
    body = {**BODY, "gizmo_id": gizmo}
    booked = await client.post(PATH, json=body, headers=boss.headers)
    assert booked.status_code == 201
    deletions: list[tuple[str, str, dict[str, Any]]] = [
        ("delete_current_user", "/api/users/me", {"headers": anna.headers, "json": PROOF}),
        ("delete_user", f"/api/users/{anna.user.id}", {"headers": boss.headers}),
    ]
    for operation_id, path, request in deletions:
        query = {"delete_owned": "true"}
        refused = await client.request("DELETE", path, params=query, **request)
        assert (refused.status_code, refused.json()["type"]) == (409, "/errors/still-referenced")
        assert refused.json()["detail"].endswith("one of: bookings.")
        assert "still-referenced" in answers_of(described(operation_id), "409")
    assert (await client.get(created.headers["Location"])).status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
async def test_a_unique_value_can_be_used_once_per_owner(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    anna, bob = await account(app), await account(app)
    body = {**BODY, "reference": "A-1"}
    first = await client.post(PATH, json=body, headers=anna.headers)
    other = await client.post(PATH, json={**body, "reference": "A-2"}, headers=anna.headers)
    path = other.headers["Location"]
    for refused in (
        await client.post(PATH, json=body, headers=anna.headers),
        await client.put(path, json=body, headers=anna.headers),
        await client.patch(path, json={"reference": "A-1"}, headers=anna.headers),
    ):
        assert (refused.status_code, refused.json()["type"]) == (409, "/errors/already-exists")
        taken = {"detail": "Must be unique.", "pointer": "/reference"}
        assert refused.json()["errors"] == [taken]
    for headers in (bob.headers, {}, {}):  # rows without an owner can have the same value
        created = await client.post(PATH, json=body, headers=headers)
        assert created.status_code == first.status_code == 201


async def test_the_generic_tests_create_related_rows_and_unique_values(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    callers = await Callers.of(app, client)
    for who in ("owner", "owner", "other", "admin"):
        body = await callers.body(who, "create_booking")
        created = await callers.send(who, "POST", PATH, **body)
        assert created.status_code == 201, created.text
        assert created.json()["gizmo_id"] is not None
        assert re.fullmatch("[A-Z][a-z]{3}-[0-9]{4}", created.json()["reference"])


@pytest.mark.parametrize("access", [Access.ADMINS])
async def test_the_generic_tests_create_rows_that_only_admins_may_create(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    callers = await Callers.of(app, client)
    path = await callers.path("get_booking")
    assert (await callers.send("admin", "GET", path)).status_code == 200
    assert (await callers.send("owner", "GET", path)).status_code == 403
