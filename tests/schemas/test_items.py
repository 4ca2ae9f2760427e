"""The bounds of an item's fields, each from both sides."""

from typing import Any

import pytest
from marshmallow import ValidationError

from schemas.base import InputSchema
from schemas.items import ItemInput, ItemListQuery, ItemPatch
from tests.items import item_input

INPUTS = [ItemInput(), ItemPatch()]


@pytest.mark.parametrize("schema", INPUTS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x"),
        ("name", "🚪" * 200),
        ("description", ""),
        ("description", "x" * 2000),
        ("description", None),
        ("status", "todo"),
        ("status", "doing"),
        ("status", "done"),
        ("quantity", 0),
        ("quantity", 2_147_483_647),
        ("tags", []),
        ("tags", [str(n) for n in range(20)]),
        ("tags", ["x" * 50, " y "]),
    ],
)
def test_values_at_their_limits_are_accepted(schema: InputSchema, field: str, value: Any) -> None:
    assert schema.load(item_input(**{field: value}))[field] == value


@pytest.mark.parametrize("schema", INPUTS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 201),
        ("name", " x".ljust(201)),
        ("description", "x" * 2001),
        ("status", "Done"),
        ("status", ""),
        ("quantity", -1),
        ("quantity", 2_147_483_648),
        ("tags", [str(n) for n in range(21)]),
        ("tags", [""]),
        ("tags", ["\u2800"]),
        ("tags", ["x" * 51]),
        ("tags", ["x", "x"]),
        ("tags", [None]),
    ],
)
def test_refuses_what_is_just_out_of_bounds(schema: InputSchema, field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        schema.load(item_input(**{field: value}))
    assert set(caught.value.messages_dict) == {field}


def test_a_page_of_the_list_is_bounded() -> None:
    assert ItemListQuery().load({}).items() >= {"limit": 50, "cursor": None}.items()
    assert ItemListQuery().load({"limit": "1"})["limit"] == 1
    assert ItemListQuery().load({"limit": "200", "cursor": "x"})["limit"] == 200
    for limit in ("0", "201"):
        with pytest.raises(ValidationError):
            ItemListQuery().load({"limit": limit})
