"""Schemas in general: strict on the way in, complete on the way out, and merge patches."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg.pgproto.pgproto
import orjson
import pytest
from marshmallow import ValidationError, fields

from schemas.base import InputSchema, MergePatch, OutputSchema, merge_patch_of
from schemas.fields import BoundedList, StrictInteger, Text


class ShelfInput(InputSchema):
    """A shelf as a client sends it."""

    label = Text(required=True, max_length=20)
    note = Text(load_default=None, allow_none=True, max_length=20)
    boards = StrictInteger(load_default=3)
    things = BoundedList(Text(max_length=20), max_items=5, load_default=list)
    wall = Text(load_default="north", max_length=20, data_key="on_wall", attribute="wall_name")


class Shelf(OutputSchema):
    """A shelf as it stands."""

    optional = frozenset({"note"})

    label = fields.String()
    note = fields.String()


class Wall(OutputSchema):
    """Shelves."""

    shelves = fields.List(fields.Nested(Shelf))


class Room(OutputSchema):
    """What a schema may have, and no resource of ours has."""

    walls = fields.List(fields.Nested(Wall, allow_none=True))
    rows = fields.List(fields.Nested(Shelf), allow_none=True)
    height = fields.Decimal(as_string=True)
    boards = fields.Integer()
    weight = fields.Integer(as_string=True)


class Tag(OutputSchema):
    """What hangs on a shelf."""

    id = fields.UUID()


class Labelled(NamedTuple):
    label: str | None
    note: str | None


class Noted(NamedTuple):
    note: str | None
    label: str | None


ShelfPatch = merge_patch_of(ShelfInput, "ShelfPatch", example={"boards": 4})

DEFAULTS: dict[str, Any] = {"note": None, "boards": 3, "things": [], "wall_name": "north"}


def messages(schema: InputSchema, data: Any) -> Any:
    with pytest.raises(ValidationError) as caught:
        schema.load(data)
    return caught.value.messages


def test_an_input_schema_fills_in_defaults() -> None:
    assert ShelfInput().load({"label": "A1"}) == {"label": "A1", **DEFAULTS}


@pytest.mark.parametrize("schema", [ShelfInput(), ShelfPatch()])
def test_an_input_schema_refuses_unknown_fields(schema: InputSchema) -> None:
    assert messages(schema, {"label": "A1", "colour": "red"}) == {"colour": ["Unknown field."]}


@pytest.mark.parametrize("schema", [ShelfInput(), ShelfPatch()])
@pytest.mark.parametrize("data", [[], "label", 5, None, True])
def test_an_input_schema_refuses_anything_but_an_object(schema: InputSchema, data: Any) -> None:
    assert messages(schema, data) == {"_schema": ["Must be a JSON object."]}


def test_an_output_schema_reads_attributes() -> None:
    row = SimpleNamespace(label="A1", note=None)
    assert Shelf().dump(row) == {"label": "A1", "note": None}


@pytest.mark.parametrize("boards", [0, 1, 2])
def test_a_list_of_outputs_keeps_the_names_of_its_members(boards: int) -> None:
    """Whatever order the objects have their values in."""
    labelled = [Labelled(f"A{number}", None) for number in range(boards)]
    noted = [Noted(None, f"A{number}") for number in range(boards)]
    names = [{"label": f"A{number}", "note": None} for number in range(boards)]
    for shelves in (labelled, noted, map(Labelled._make, labelled)):
        assert orjson.loads(Wall().to_json(SimpleNamespace(shelves=shelves))) == {"shelves": names}


@pytest.mark.parametrize("kind", [UUID, asyncpg.pgproto.pgproto.UUID])
def test_an_output_schema_writes_every_class_of_uuid(kind: type[UUID]) -> None:
    text = "3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"
    assert Tag().to_json(SimpleNamespace(id=kind(text))) == b'{"id":"%s"}' % text.encode()


@pytest.mark.parametrize("value", [object(), Decimal("1.5")])
def test_an_output_schema_writes_json_or_raises(value: object) -> None:
    with pytest.raises(TypeError):
        Shelf().to_json(SimpleNamespace(label=value, note=None))


def test_an_output_schema_writes_the_same_as_marshmallow() -> None:
    room = SimpleNamespace(
        walls=[None, SimpleNamespace(shelves=[])],
        rows=None,
        height=Decimal("2.50"),
        boards=Decimal(3),
        weight=7,
    )
    assert orjson.loads(Room().to_json(room)) == {
        "walls": [None, {"shelves": []}],
        "rows": None,
        "height": "2.50",
        "boards": 3,
        "weight": "7",
    }


def test_output_fields_are_required_unless_optional() -> None:
    required = {name: field.required for name, field in Shelf().fields.items()}
    assert required == {"label": True, "note": False}


def test_an_output_schema_raises_for_a_missing_attribute() -> None:
    with pytest.raises(AttributeError):
        Shelf().dump(SimpleNamespace(label="A1"))


def test_a_patch_loads_what_was_sent_and_nothing_else() -> None:
    assert ShelfPatch().load({"boards": 5}) == {"boards": 5}
    assert ShelfPatch().load({"label": "B2", "on_wall": "south"}) == {
        "label": "B2",
        "wall_name": "south",
    }


def test_null_in_a_patch_is_the_default() -> None:
    nothing = {"note": None, "boards": None, "things": None, "on_wall": None}
    assert ShelfPatch().load(nothing) == DEFAULTS


def test_each_patch_gets_a_list_of_its_own() -> None:
    first, second = (ShelfPatch().load({"things": None}) for _ in range(2))
    assert first["things"] is not second["things"]


def test_a_patch_refuses_null_for_what_is_required() -> None:
    assert messages(ShelfPatch(), {"label": None}) == {"label": ["Field may not be null."]}


def test_a_patch_says_something() -> None:
    assert messages(ShelfPatch(), {}) == {"_schema": ["Send at least one field to change."]}
    assert ShelfPatch.json_schema == {"minProperties": 1}


def test_a_patch_with_a_bad_field_is_refused_for_that_alone() -> None:
    assert messages(ShelfPatch(), {"boards": "5"}) == {
        "boards": ["Must be an integer, without quotes."]
    }


def test_a_patch_is_a_named_schema_with_a_description_and_an_example() -> None:
    assert ShelfPatch.__name__ == "ShelfPatch"
    assert ShelfPatch.__module__ == ShelfInput.__module__
    assert ShelfPatch.__doc__ == MergePatch.__doc__
    assert ShelfPatch.example == {"boards": 4}


def test_a_patch_leaves_the_schema_it_is_made_of_alone() -> None:
    assert ShelfInput().fields["label"].required
    assert not ShelfInput().fields["boards"].allow_none
    assert messages(ShelfInput(), {}) == {"label": ["Missing data for required field."]}
