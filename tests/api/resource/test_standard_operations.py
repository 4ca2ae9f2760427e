"""What a resource gets over HTTP by its declarations: a resource of the tests' own, in the standard
operations and written out."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from flask import Blueprint

from api.config.settings import Settings
from api.http.caller import Caller
from api.http.idempotency_keys import IdempotentWrite
from api.http.inputs import Body, Query
from api.http.paging import PageOf
from api.http.path_ids import IdConverter
from api.http.preconditions import IfMatch
from api.operations import operation
from api.runtime.async_flask import AsyncFlask
from openapi.operation import Access
from storage.collections.lists import Row
from storage.errors import QuotaExceeded
from storage.idempotency import StoredResponse
from tests.api.callers import document_of
from tests.api.resource.requests import BODY, PATH, create
from tests.bookings import (
    BOOKINGS,
    Booking,
    BookingInput,
    BookingListQuery,
    BookingPage,
    BookingPatch,
    operations,
)


def written_out() -> Blueprint:
    blueprint = Blueprint("bookings", __name__, url_prefix="/api/bookings")
    of: dict[str, Any] = {"collection": BOOKINGS, "access": Access.OWNERS}

    @blueprint.get("")
    @operation(query=BookingListQuery, returns=BookingPage, **of)
    async def list_bookings(query: Query, caller: Caller) -> PageOf:
        """List bookings."""
        return await caller.page(BOOKINGS, query)

    @blueprint.post("")
    @operation(body=BookingInput, returns=Booking, status=201, raises=[QuotaExceeded], **of)
    async def create_booking(body: Body[Any], write: IdempotentWrite) -> Row | StoredResponse:
        """Create a booking."""
        return await write.create(BOOKINGS, body)

    @blueprint.get("/<id:booking_id>")
    @operation(returns=Booking, **of)
    async def get_booking(booking_id: UUID, caller: Caller) -> Row:
        """Read a booking."""
        return await caller.get(BOOKINGS, booking_id)

    @blueprint.put("/<id:booking_id>")
    @operation(body=BookingInput, returns=Booking, **of)
    async def replace_booking(
        booking_id: UUID, body: Body[Any], if_match: IfMatch, write: IdempotentWrite
    ) -> Row | StoredResponse:
        """Replace a booking."""
        return await write.update(BOOKINGS, booking_id, body, if_match)

    @blueprint.patch("/<id:booking_id>")
    @operation(body=BookingPatch, returns=Booking, **of)
    async def update_booking(
        booking_id: UUID, body: Body[Any], if_match: IfMatch, write: IdempotentWrite
    ) -> Row | StoredResponse:
        """Change some fields of a booking."""
        return await write.update(BOOKINGS, booking_id, body, if_match)

    @blueprint.delete("/<id:booking_id>")
    @operation(status=204, **of)
    async def delete_booking(
        booking_id: UUID, if_match: IfMatch, write: IdempotentWrite
    ) -> StoredResponse | None:
        """Delete a booking."""
        return await write.delete(BOOKINGS, booking_id, if_match)

    return blueprint


@pytest.mark.no_database
def test_operations_written_out_have_the_same_document(settings: Settings) -> None:
    documents = [document_of(each) for each in (operations(__name__), written_out())]
    assert documents[0] == documents[1]
    assert len(documents[0]["paths"]) == 2


def test_only_the_named_operations_are_registered() -> None:
    app = AsyncFlask("api")
    app.url_map.converters["id"] = IdConverter
    app.register_blueprint(operations(only=("list", "get"), body=None, patch=None))
    methods = {rule.endpoint: rule.methods for rule in app.url_map.iter_rules()}
    assert set(methods) == {"bookings.list_bookings", "bookings.get_booking"}


async def test_a_row_is_created_read_changed_replaced_and_deleted(
    client: httpx.AsyncClient,
) -> None:
    created = await create(client, price="9.5", paid_on="2026-11-20", extras=["sea"], floor=3)
    assert created["price"] == "9.50"
    assert created["paid_on"] == "2026-11-20"
    assert created["arrives_at"] == "2026-11-20T15:00:00.000000Z"
    path = f"{PATH}/{created['id']}"
    read = await client.get(path, headers={"If-None-Match": '"1"'})
    assert read.status_code == 304
    first = {"If-Match": '"1"'}
    changed = await client.patch(path, json={"price": None, "floor": 4}, headers=first)
    assert changed.json()["price"] is None
    assert changed.headers["Accept-Patch"].startswith("application/json")
    stale = await client.patch(path, json={"floor": 5}, headers=first)
    assert stale.status_code == 412
    replaced = await client.put(path, json={**BODY, "guest": "Bob"})
    assert replaced.json()["extras"] == []
    assert (await client.delete(path)).status_code == 204
    gone = await client.get(path)
    assert (gone.status_code, gone.json()["detail"]) == (404, "No booking has this id.")


async def test_a_repeated_write_with_the_same_key_gets_the_first_response(
    client: httpx.AsyncClient,
) -> None:
    created = [await client.post(PATH, json=BODY, headers=key("create")) for _ in range(2)]
    assert created[0].json() == created[1].json()
    assert len((await client.get(PATH)).json()["bookings"]) == 1
    path = created[0].headers["Location"]
    writes: list[tuple[str, dict[str, Any] | None, int]] = [
        ("PUT", {**BODY, "guest": "Bob"}, 200),
        ("PATCH", {"floor": 4}, 200),
        ("DELETE", None, 204),
    ]
    for method, body, status in writes:
        answers = [
            await client.request(method, path, json=body, headers=key(method)) for _ in range(3)
        ]
        assert [answer.status_code for answer in answers] == [status] * 3
        assert len({answer.content for answer in answers}) == 1, method
        assert len({answer.headers.get("ETag") for answer in answers}) == 1
    assert (await client.delete(path)).status_code == 404


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}
