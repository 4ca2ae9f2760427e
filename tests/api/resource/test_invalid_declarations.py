"""Declarations of a resource that contradict each other stop the start."""

from typing import Any

import pytest
from marshmallow import fields, validates_schema

from api.http.caller import Caller
from api.http.inputs import Query
from api.operations import operation
from openapi.operation import Access
from schemas.base import InputSchema, merge_patch_of
from schemas.fields import Text
from schemas.pages import PageQuery
from schemas.queries import QueryFlag
from schemas.values_as_text import Identifier
from tests.bookings import BOOKINGS, FLOOR, Booking, BookingInput, BookingListQuery, operations
from tests.gizmos import GIZMOS, Gizmo, GizmoListQuery


def test_a_merge_patch_of_a_schema_with_a_rule_stops_the_start() -> None:
    class Ruled(BookingInput):
        @validates_schema
        def rule(self, data: Any, **_: Any) -> None: ...

    with pytest.raises(
        TypeError, match=r"^Ruled: .* declare a rule over several of them with the table"
    ):
        merge_patch_of(Ruled, "RuledPatch", example={})


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
def test_a_query_schema_that_differs_from_the_collection_stops_the_start(
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


FLOORLESS = {name: each for name, each in BookingInput._declared_fields.items() if name != "floor"}
Floorless = type("Floorless", (InputSchema,), FLOORLESS)


class Floored(Booking):
    """A booking whose floor is never null."""

    floor = fields.Integer(metadata=FLOOR)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"body": Floorless, "returns": Floored}, "bookings.floor: new rows have null"),
        ({"body": None, "only": ("create",)}, "create: declare body and take it, or neither"),
        ({"body": Unnamed}, "bookings.arrives_at: new rows need a field for it"),
        ({"body": Coloured}, "Coloured: colour is no column"),
        ({"returns": Gizmo}, "Gizmo: description is no column"),
    ],
)
def test_a_field_without_a_column_or_a_column_without_a_field_stops_the_start(
    options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        operations(**options)


async def list_things(query: Query, caller: Caller) -> None:
    """List things."""
