"""What a resource gets over HTTP by its declarations: a resource of the tests' own, in the standard
operations and written out."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from flask import Blueprint
from marshmallow import validates_schema
from sqlalchemy import Connection, update

from api import application
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
from schemas.base import InputSchema, merge_patch_of
from schemas.fields import EARLIEST, LATEST, Text, Timestamp
from schemas.pages import PageQuery
from schemas.queries import QueryFlag
from schemas.resource import resource_of
from schemas.values_as_text import Identifier
from storage import Database
from storage.accounts.tables import ADMIN
from storage.collections.lists import Row
from storage.errors import QuotaExceeded
from storage.idempotency import StoredResponse
from tests.accounts import account
from tests.api.callers import Callers, described, document_of
from tests.api.test_permissions import answers_of
from tests.bookings import (
    BOOKINGS,
    Booking,
    BookingInput,
    BookingListQuery,
    BookingPage,
    BookingPatch,
    bookings,
    operations,
)
from tests.factory import PASSWORD
from tests.gizmos import GIZMOS, Gizmo, GizmoListQuery

PATH = "/api/bookings"
PROOF = {"current_password": PASSWORD}
BODY = {"guest": "Ada", "code": str(UUID(int=1)), "arrives_at": "2026-11-20T16:00:00+01:00"}


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


@pytest.fixture
async def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncFlask]:
    monkeypatch.setattr(application, "RESOURCES", (*application.RESOURCES, operations()))
    app = application.create_app(settings)
    yield app
    await app.close()


async def create(client: httpx.AsyncClient, **values: Any) -> dict[str, Any]:
    response = await client.post(PATH, json={**BODY, **values})
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    assert response.headers["Location"] == f"{PATH}/{created['id']}"
    assert response.headers["ETag"] == '"1"'
    return created


@pytest.mark.no_database
def test_written_out_the_operations_have_the_same_document(settings: Settings) -> None:
    documents = [document_of(each) for each in (operations(__name__), written_out())]
    assert documents[0] == documents[1]
    assert len(documents[0]["paths"]) == 2


def test_an_operation_can_be_left_out() -> None:
    app = AsyncFlask("api")
    app.url_map.converters["id"] = IdConverter
    app.register_blueprint(operations(only=("list", "get")))
    methods = {rule.endpoint: rule.methods for rule in app.url_map.iter_rules()}
    assert set(methods) == {"bookings.list_bookings", "bookings.get_booking"}


async def test_a_row_goes_round(client: httpx.AsyncClient) -> None:
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


async def test_every_write_is_idempotent(client: httpx.AsyncClient) -> None:
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


async def test_what_get_gave_can_be_put_back(client: httpx.AsyncClient) -> None:
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


async def test_what_contradicts_the_row_is_refused_with_its_place(
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


async def test_a_stale_etag_matters_more_than_stale_members(client: httpx.AsyncClient) -> None:
    row = await create(client)
    path = f"{PATH}/{row['id']}"
    await client.patch(path, json={"floor": 4})
    stale = await client.put(path, json=row, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "/errors/precondition-failed")
    assert (await client.put(path, json=row)).status_code == 400
    gone = await client.put(f"{PATH}/{uuid4()}", json=row)
    assert gone.status_code == 404


async def test_of_writes_at_once_that_name_one_version_one_wins(
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


async def test_a_cursor_carries_a_value_of_every_type(client: httpx.AsyncClient) -> None:
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
async def test_the_first_and_the_last_timestamp_and_date(
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
async def test_an_infinite_timestamp_breaks_no_list(
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


async def test_wrong_values_have_their_place(client: httpx.AsyncClient) -> None:
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


async def test_a_rule_over_several_columns_holds_for_every_write(client: httpx.AsyncClient) -> None:
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


async def test_numbers_that_no_column_can_store(client: httpx.AsyncClient) -> None:
    for number in (2**31, -(2**31) - 1, 2**63, 10**19):
        response = await client.post(PATH, json={**BODY, "floor": number})
        assert response.status_code == 400, number
        assert response.json()["errors"][0]["pointer"] == "/floor"
    await create(client, floor=2**31 - 1)
    for number, found in ((10**17, 0), (2**31, 0), (-(10**17), 1)):
        listed = await client.get(PATH, params={"min_floor": number})
        assert (listed.status_code, len(listed.json()["bookings"])) == (200, found), number


def test_a_patch_of_what_has_a_rule_stops_the_start() -> None:
    class Ruled(BookingInput):
        @validates_schema
        def rule(self, data: Any, **_: Any) -> None: ...

    with pytest.raises(
        TypeError, match=r"^Ruled: .* declare a rule over several of them with the table"
    ):
        merge_patch_of(Ruled, "RuledPatch", example={})


def test_a_moment_goes_out_as_those_of_every_resource() -> None:
    class EventInput(InputSchema):
        starts_at = Timestamp(required=True, metadata={"description": "", "examples": [""]})

    event = resource_of(EventInput, "Event", "An event.")
    for moment in ("2026-12-24T09:00:00Z", "2026-12-24T10:00:00+01:00"):
        values = EventInput().load({"starts_at": moment})
        dumped = event(only=["starts_at"]).to_json(SimpleNamespace(**values))
        assert dumped == b'{"starts_at":"2026-12-24T09:00:00.000000Z"}'


async def test_what_is_pointed_to_stays(app: AsyncFlask, client: httpx.AsyncClient) -> None:
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


async def test_a_user_stays_while_a_row_of_another_owner_refers_to_theirs(
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
async def test_a_value_is_unique_among_those_of_an_owner(
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


async def test_the_generic_tests_make_what_a_request_refers_to_and_what_is_unique(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    callers = await Callers.of(app, client)
    for who in ("owner", "owner", "other", "admin"):
        body = await callers.body(who, "create_booking")
        created = await callers.send(who, "POST", PATH, **body)
        assert created.status_code == 201, created.text
        assert created.json()["gizmo_id"] is not None
        assert re.fullmatch("[A-Z][a-z]{3}-[0-9]{4}", created.json()["reference"])


class Unlike(BookingListQuery):
    """A list with a filter that the collection lacks."""

    late = QueryFlag(load_default=None, metadata={"description": "Late.", "examples": [True]})


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (Unlike, "Unlike.late: the collection doesn't have this parameter"),
        (PageQuery, "PageQuery.confirmed: PageQuery doesn't have this parameter"),
        (GizmoListQuery, "GizmoListQuery.confirmed: GizmoListQuery doesn't have this parameter"),
    ],
)
def test_a_query_unlike_its_collection_stops_the_start(
    query: type[InputSchema], reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        operation(collection=BOOKINGS, query=query, access=Access.OWNERS)(list_things)
    operation(collection=GIZMOS, query=GizmoListQuery, access=Access.OWNERS)(list_things)


class Unnamed(InputSchema):
    """A booking without its guest."""

    code = Identifier(metadata={"description": "A code.", "examples": ["x"]})


class Coloured(Unnamed):
    """A booking with a colour, which has no column."""

    colour = Text(max_length=9, metadata={"description": "A colour.", "examples": ["red"]})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"body": Unnamed}, "Unnamed: arrives_at can't be null in the table"),
        ({"body": Coloured}, "Coloured, Booking: colour is no column"),
        ({"returns": Gizmo}, "BookingInput, Gizmo: description is no column"),
    ],
)
def test_a_field_without_its_column_stops_the_start(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        operations(**options)


async def list_things(query: Query, caller: Caller) -> None:
    """List things."""
