"""What the document says of operations that are unlike the ones there are, and what it refuses."""

from inspect import getdoc
from typing import Any

import pytest
from flask import Flask
from marshmallow import fields

from api.http.inputs import Body, Query
from api.http.path_ids import IdConverter
from api.observability.readiness import NotReady
from api.operations import operation
from openapi.document import build_document
from openapi.examples import example_of
from openapi.operation import Operation, View
from schemas.base import InputSchema, OutputSchema
from schemas.fields import BoundedList, Choice, Text
from storage import DatabaseUnavailable
from tests.openapi.validation import Json, examples, responses, validator


class Shelf(OutputSchema):
    """A place for things."""

    label = fields.String(metadata={"description": "What it says.", "examples": ["A1"]})


class Room(OutputSchema):
    """A place for shelves."""

    shelves = fields.List(fields.Nested(Shelf), metadata={"description": "What stands in it."})
    best = fields.Nested(Shelf, allow_none=True, metadata={"description": "The favourite."})


class RoomQuery(InputSchema):
    """Which rooms are wanted."""

    tags = BoundedList(
        Text(max_length=20, metadata={"examples": ["cold"]}),
        max_items=5,
        load_default=list,
        data_key="tag",
        metadata={"description": "What they are like."},
    )
    since = Text(
        max_length=20,
        load_default=None,
        allow_none=False,
        metadata={"description": "From when on.", "examples": ["May"]},
    )


def document_of(*views: Any, path: str = "/api/rooms", **options: Any) -> Json:
    app = Flask("tests")
    app.url_map.converters["id"] = IdConverter
    for number, view in enumerate(views):
        app.add_url_rule(f"{path}/{number}", view.__name__, view, **options)
    return build_document(app)


def returning(schema: type[OutputSchema], *, name: str) -> Any:
    async def view() -> None:
        """Read it."""

    view.__name__ = name
    return operation(returns=schema)(view)


def operation_of(view: View, **declared: Any) -> Operation:
    named = {"operation_id": view.__name__, "docstring": getdoc(view) or ""}
    return Operation(view=view, **{**named, **declared})


def test_problems_that_share_a_status_share_a_response() -> None:
    @operation(raises=[NotReady, DatabaseUnavailable], status=204)
    async def open_room() -> None:
        """Open a room."""

    document = document_of(open_room)
    reference = "#/components/responses/DatabaseUnavailableOrNotReady"
    assert document["paths"]["/api/rooms/0"]["get"]["responses"]["503"] == {"$ref": reference}
    response = dict(responses(document))["open_room 503"]
    first, second = response["description"].split("\n\n")
    assert first.startswith("[Database unavailable](errors/database-unavailable). The database is")
    assert second.startswith("[Not ready](errors/not-ready). A dependency")
    assert "Retry-After" in response["headers"]
    content = response["content"]["application/problem+json"]
    assert list(content["examples"]) == ["database-unavailable", "not-ready"]
    assert {ref["$ref"].rpartition("/")[2] for ref in content["schema"]["anyOf"]} == {
        "Problem",
        "ReadinessProblem",
    }
    assert [e["type"] for e in examples(content)] == [
        "/errors/database-unavailable",
        "/errors/not-ready",
    ]
    assert all(validator(document, content["schema"]).is_valid(e) for e in examples(content))


def test_a_problem_that_is_declared_twice_is_documented_once() -> None:
    @operation(raises=[DatabaseUnavailable, DatabaseUnavailable], status=204)
    async def close_room() -> None:
        """Close a room."""

    responses_of_it = document_of(close_room)["paths"]["/api/rooms/0"]["get"]["responses"]
    assert responses_of_it["503"] == {"$ref": "#/components/responses/DatabaseUnavailable"}


def test_a_list_gets_the_example_that_its_values_have() -> None:
    document = document_of(returning(Room, name="get_room"))
    shelves = document["components"]["schemas"]["Room"]["properties"]["shelves"]
    assert shelves == {
        "type": "array",
        "description": "What stands in it.",
        "items": {"$ref": "#/components/schemas/Shelf"},
        "examples": [[{"label": "A1"}]],
    }
    content = document["paths"]["/api/rooms/0"]["get"]["responses"]["200"]["content"]
    assert content["application/json"]["example"] == {
        "shelves": [{"label": "A1"}],
        "best": {"label": "A1"},
    }


class Light(Choice):
    """How light it is."""

    choices = ("dim", "bright")


class Lamp(OutputSchema):
    """What gives light."""

    light = Light()
    wanted = Light(allow_none=True, load_default="bright")


def test_a_choice_refers_to_the_one_schema_of_its_name() -> None:
    schemas = document_of(returning(Lamp, name="get_lamp"))["components"]["schemas"]
    about = {"description": "How light it is.", "examples": ["dim"]}
    reference = {"$ref": "#/components/schemas/Light"}
    assert schemas["Light"] == {"type": "string", "enum": ["dim", "bright"], **about}
    assert schemas["Lamp"]["properties"] == {
        "light": reference,
        "wanted": {"anyOf": [reference, {"type": "null"}], "default": "bright", **about},
    }


def test_two_choices_of_one_name_are_refused() -> None:
    class Candle(OutputSchema):
        """What gives light, too."""

        light = type("Light", (Light,), {"choices": ("dim",)})()

    views = returning(Lamp, name="one"), returning(Candle, name="other")
    with pytest.raises(ValueError, match="two schemas are called Light"):
        document_of(*views)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("", {}),
        ("ops@example.com", {"email": "ops@example.com"}),
        ("https://example.com/help", {"url": "https://example.com/help"}),
    ],
)
def test_the_contact_is_the_operators(address: str, found: Json) -> None:
    info = build_document(Flask("tests"), contact=address)["info"]
    assert info["contact"] == {"name": "The operator of this service", **found}


def test_a_parameter_has_the_default_that_is_used_and_is_never_null() -> None:
    @operation(query=RoomQuery, status=204)
    async def list_rooms(query: Query) -> None:
        """List rooms."""

    tags, since, request_id = document_of(list_rooms)["paths"]["/api/rooms/0"]["get"]["parameters"]
    assert (tags["name"], tags["in"], tags["required"]) == ("tag", "query", False)
    assert (tags["style"], tags["explode"]) == ("form", True)
    assert tags["schema"]["default"] == []
    assert tags["schema"]["examples"] == [["cold"]]
    assert since["schema"] == {
        "type": "string",
        "maxLength": 20,
        "examples": ["May"],
    }
    assert (request_id["name"], request_id["in"]) == ("X-Request-ID", "header")


def test_a_path_says_what_its_variables_may_be() -> None:
    @operation(status=204)
    async def get_shelf(room_id: object, shelf: str) -> None:
        """Read a shelf."""

    document = document_of(get_shelf, path="/api/rooms/<id:room_id>/<shelf>")
    [(path, methods)] = document["paths"].items()
    assert path == "/api/rooms/{room_id}/{shelf}/0"
    room_id, shelf, _ = methods["get"]["parameters"]
    assert room_id["schema"].items() >= {"type": "string", "format": "uuid"}.items()
    assert shelf == {"name": "shelf", "in": "path", "required": True, "schema": {"type": "string"}}


def test_two_schemas_of_one_name_are_refused() -> None:
    class_of_the_same_name = type("Shelf", (OutputSchema,), {})
    views = returning(Shelf, name="one"), returning(class_of_the_same_name, name="other")
    with pytest.raises(ValueError, match="two schemas are called Shelf"):
        document_of(*views)


def test_a_variant_of_a_schema_without_a_class_is_refused() -> None:
    class Lobby(OutputSchema):
        """Where one comes in."""

        shelf = fields.Nested(Shelf, metadata={"description": "With keys."})
        other = fields.Nested(Shelf(only=["label"]), metadata={"description": "With coats."})

    with pytest.raises(ValueError, match="two schemas are called Shelf"):
        document_of(returning(Lobby, name="get_lobby"))


def test_an_operation_with_two_methods_is_refused() -> None:
    view = returning(Shelf, name="get_shelf")
    with pytest.raises(ValueError, match="get_shelf: an operation has one method"):
        document_of(view, methods=["GET", "POST"])


def test_a_field_without_an_example_is_refused() -> None:
    class Cellar(OutputSchema):
        """Where it is dark."""

        depth = fields.Integer(metadata={"description": "In metres."})

    with pytest.raises(ValueError, match="the field depth needs an example"):
        example_of(Cellar())


@pytest.mark.parametrize("name", ["query", "body"])
def test_a_view_that_does_not_take_what_it_declares_is_refused(name: str) -> None:
    async def forgetful() -> None: ...

    declared: dict[str, Any] = {name: RoomQuery}
    with pytest.raises(TypeError, match=f"forgetful: declare {name} and take it, or neither"):
        operation(**declared)(forgetful)


def test_a_view_that_takes_what_it_does_not_declare_is_refused() -> None:
    async def demanding(query: Query) -> None: ...

    async def insatiable(body: Body[dict[str, Any]]) -> None: ...

    with pytest.raises(TypeError, match="demanding: declare query and take it"):
        operation()(demanding)
    with pytest.raises(TypeError, match="insatiable: declare body and take it"):
        operation()(insatiable)


def test_the_docstring_is_the_summary_and_the_description() -> None:
    async def get_door() -> None:
        """Read a door.

        It may be closed.
        Knock first.
        """

    async def get_window() -> None:
        """Read a window."""

    door, window = operation_of(get_door), operation_of(get_window)
    assert (door.summary, door.description) == ("Read a door", "It may be closed.\nKnock first.")
    assert (window.summary, window.description) == ("Read a window", "Read a window.")


def test_an_operation_without_a_docstring_is_refused() -> None:
    async def mute() -> None: ...

    with pytest.raises(TypeError, match="mute: its docstring is the summary"):
        operation_of(mute)
