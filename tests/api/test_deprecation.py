"""What a Deprecation does: the flag in the document, and the headers of responses."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest
from flask import Flask
from marshmallow import fields

from api import application
from api.config.settings import Settings
from api.http.inputs import Query
from api.http.path_ids import IdConverter
from api.operations import operation
from api.runtime.async_flask import AsyncFlask
from openapi.document import build_document
from schemas.base import InputSchema, OutputSchema
from schemas.deprecation import Deprecation
from schemas.queries import QueryInteger
from storage import Database
from tests.api.resource.requests import PATH, create
from tests.bookings import operations as bookings
from tests.conftest import bridged
from tests.openapi.validation import Json, operations

OLD = Deprecation(
    since=date(2026, 12, 1), sunset=date(2027, 6, 1), link="https://example.com/moving"
)
SENTENCES = (
    "Deprecated since 2026-12-01. It may stop working on 2027-06-01. "
    "[What to use instead](https://example.com/moving)."
)
LINK = '<https://example.com/moving>; rel="deprecation"'


def document_of(*views: Any) -> Json:
    app = Flask("tests")
    app.url_map.converters["id"] = IdConverter
    for view in views:
        app.add_url_rule(f"/{view.__name__}", view.__name__, view)
    return build_document(app)


@pytest.fixture
async def client(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    resources = (*application.RESOURCES, bookings(deprecated=OLD))
    monkeypatch.setattr(application, "RESOURCES", resources)
    app: AsyncFlask = application.create_app(settings)
    async with app.services[Database]:
        transport = httpx.ASGITransport(bridged(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            yield client
    await app.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_responses_of_a_deprecated_resource_announce_its_end(
    client: httpx.AsyncClient,
) -> None:
    await create(client)
    await create(client)
    first = await client.get(PATH, params={"limit": 1})
    last = await client.get(PATH, headers={"Origin": "http://localhost:5173"})
    path = f"{PATH}/{last.json()['bookings'][0]['id']}"
    one = await client.get(path)
    unchanged = await client.get(path, headers={"If-None-Match": one.headers["ETag"]})
    deleted = await client.delete(path)
    assert (unchanged.status_code, deleted.status_code) == (304, 204)
    for response in (first, last, one, unchanged, deleted):
        assert response.headers["Deprecation"] == "@1796083200"
        assert response.headers["Sunset"] == "Tue, 01 Jun 2027 00:00:00 GMT"
    for response in (last, one, unchanged, deleted):
        assert response.headers["Link"] == LINK
    assert first.links["next"]["url"].startswith(f"{PATH}?limit=1&cursor=")
    assert first.links["deprecation"]["url"] == OLD.link
    exposed = last.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Deprecation", "Sunset", "Link"} <= set(exposed)
    assert "Deprecation" not in (await client.get("/api/gizmos")).headers


def test_the_document_marks_the_operations_of_a_deprecated_resource() -> None:
    app = Flask("tests")
    app.url_map.converters["id"] = IdConverter
    app.register_blueprint(bookings(deprecated=OLD))
    document = build_document(app)
    described = [operation for _, _, operation in operations(document)]
    assert len(described) == 6
    for operation_ in described:
        assert operation_["deprecated"] is True
        assert operation_["description"].endswith(SENTENCES)
        [success] = [r for status, r in operation_["responses"].items() if status[0] == "2"]
        assert {"Deprecation", "Sunset", "Link"} <= success["headers"].keys()


def test_a_sunset_and_a_link_are_optional() -> None:
    @operation(deprecated=Deprecation(since=date(2026, 12, 1)))
    async def get_room() -> None:
        """Read a room."""

    described = document_of(get_room)["paths"]["/get_room"]["get"]
    assert described["description"] == "Read a room.\n\nDeprecated since 2026-12-01."
    headers = described["responses"]["200"]["headers"]
    assert "Deprecation" in headers
    assert not {"Sunset", "Link"} & headers.keys()


def test_only_deprecated_operations_are_marked() -> None:
    assert "deprecated" not in str(document_of(operation()(get_nothing)))


async def get_nothing() -> None:
    """Read nothing."""


def test_the_document_marks_deprecated_fields_and_parameters() -> None:
    class Room(OutputSchema):
        """A room."""

        beds = fields.Integer(
            metadata={"description": "How many.", "examples": [1], "deprecated": OLD}
        )

    class RoomQuery(InputSchema):
        """Which rooms."""

        beds = QueryInteger(
            load_default=None,
            allow_none=False,
            metadata={"description": "How many.", "examples": [1], "deprecated": OLD},
        )

    @operation(query=RoomQuery, returns=Room)
    async def get_rooms(query: Query) -> None:
        """Read a room."""

    document = document_of(get_rooms)
    field = document["components"]["schemas"]["Room"]["properties"]["beds"]
    parameters = document["paths"]["/get_rooms"]["get"]["parameters"]
    [parameter] = [each for each in parameters if each["name"] == "beds"]
    for described in (field, parameter):
        assert described["deprecated"] is True
        assert described["description"] == f"How many. {SENTENCES}"
    assert "deprecated" not in parameter["schema"]


def test_a_sunset_before_the_deprecation_is_an_error() -> None:
    with pytest.raises(ValueError, match="a sunset before the deprecation"):
        Deprecation(since=date(2027, 1, 1), sunset=date(2026, 12, 31))
