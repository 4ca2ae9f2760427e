"""Values of every type over HTTP: the largest and smallest, invalid ones, and those in a cursor."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Connection, update

from api.runtime.async_flask import AsyncFlask
from schemas.base import InputSchema
from schemas.fields import EARLIEST, LATEST, Timestamp
from schemas.resource import resource_of
from storage import Database
from tests.api.resource.requests import BODY, PATH, create
from tests.bookings import BOOKINGS, bookings


async def test_pages_continue_after_a_value_of_every_type(client: httpx.AsyncClient) -> None:
    expected = {
        (await create(client, floor=floor, price=price, paid_on=paid_on))["id"]
        for floor, price, paid_on in [
            (None, None, None),
            (-1, "0.00", "2026-01-01"),
            (0, "9.99", "2026-01-02"),
            (7, "10.00", None),
        ]
    }
    for sort in BOOKINGS.sorts:
        query = {"sort": sort, "limit": "1", "include_total": "true"}
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            more = {"cursor": cursor} if cursor else {}
            body = (await client.get(PATH, params={**query, **more})).json()
            assert body["total"] == 4
            seen += [row["id"] for row in body["bookings"]]
            cursor = body["next_cursor"]
        assert set(seen) == expected, sort
        assert len(seen) == 4, sort


@pytest.fixture(params=["UTC", "America/New_York"])
def time_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
async def test_the_earliest_and_latest_timestamps_and_dates_are_stored_and_listed(
    client: httpx.AsyncClient, time_zone: str
) -> None:
    extremes = [
        ("0001-01-01T00:00:00.000001Z", "0001-01-01"),
        ("9999-12-31T23:59:59.999998Z", "9999-12-31"),
    ]
    rows = [await create(client, arrives_at=at, paid_on=on) for at, on in extremes]
    assert [(row["arrives_at"], row["paid_on"]) for row in rows] == extremes
    for sort in ("arrives_at", "paid_on"):
        first = (await client.get(PATH, params={"sort": sort, "limit": 1})).json()
        following = {"sort": sort, "cursor": first["next_cursor"]}
        second = (await client.get(PATH, params=following)).json()
        assert [*first["bookings"], *second["bookings"]] == rows
    for at in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"):
        refused = await client.post(PATH, json={**BODY, "arrives_at": at})
        assert refused.status_code == 400
        assert [error["pointer"] for error in refused.json()["errors"]] == ["/arrives_at"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_list_shows_an_infinite_timestamp_of_postgresql(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    ids = [UUID((await create(client))["id"]) for _ in range(2)]

    def make_infinite(connection: Connection) -> None:
        for row_id, value in zip(ids, (EARLIEST, LATEST), strict=True):
            change = update(bookings).where(bookings.c.id == row_id)
            connection.execute(change.values(arrives_at=value))

    await app.services[Database].administer(make_infinite)
    listed = await client.get(PATH)
    assert [row["arrives_at"] for row in listed.json()["bookings"]] == [
        "9999-12-31T23:59:59.999999Z",
        "0001-01-01T00:00:00.000000Z",
    ]


async def test_an_invalid_value_is_reported_with_its_field_or_parameter(
    client: httpx.AsyncClient,
) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"price": 9.5}, "/price"),
        ({"price": "9.505"}, "/price"),
        ({"price": "-1"}, "/price"),
        ({"price": "1e3"}, "/price"),
        ({"paid_on": "2026-02-30"}, "/paid_on"),
        ({"paid_on": "20260220"}, "/paid_on"),
        ({"arrives_at": "2026-11-20"}, "/arrives_at"),
        ({"arrives_at": 1}, "/arrives_at"),
        ({"gizmo_id": "x"}, "/gizmo_id"),
        ({"gizmo_id": str(uuid4())}, "/gizmo_id"),
    ]
    for values, pointer in wrong:
        response = await client.post(PATH, json={**BODY, **values})
        assert response.status_code == 400, values
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    for name in ("paid_after", "min_price", "gizmo_id", "min_floor", "confirmed", "kind"):
        response = await client.get(PATH, params={name: "?"})
        assert [error["parameter"] for error in response.json()["errors"]] == [name]


async def test_an_integer_too_large_for_its_column_is_refused_and_found_nowhere(
    client: httpx.AsyncClient,
) -> None:
    for number in (2**31, -(2**31) - 1, 2**63, 10**19):
        response = await client.post(PATH, json={**BODY, "floor": number})
        assert response.status_code == 400, number
        assert response.json()["errors"][0]["pointer"] == "/floor"
    await create(client, floor=2**31 - 1)
    for number, found in ((10**17, 0), (2**31, 0), (-(10**17), 1)):
        listed = await client.get(PATH, params={"min_floor": number})
        assert (listed.status_code, len(listed.json()["bookings"])) == (200, found), number


def test_a_timestamp_of_the_resource_is_written_like_created_at() -> None:
    class EventInput(InputSchema):
        starts_at = Timestamp(required=True, metadata={"description": "", "examples": [""]})

    event = resource_of(EventInput, "Event", "An event.")
    for moment in ("2026-12-24T09:00:00Z", "2026-12-24T10:00:00+01:00"):
        values = EventInput().load({"starts_at": moment})
        dumped = event(only=["starts_at"]).to_json(SimpleNamespace(**values))
        assert dumped == b'{"starts_at":"2026-12-24T09:00:00.000000Z"}'
