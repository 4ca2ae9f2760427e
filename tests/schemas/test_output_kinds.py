"""Every kind of field that marshmallow has works in an output schema, or stops the start."""

import enum
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from marshmallow import fields

from schemas.base import OutputSchema
from schemas.values_as_text import DecimalText

ABOUT = {"description": "A value.", "examples": ["12.50"]}


class Colour(enum.Enum):
    RED = "red"


class Inner(OutputSchema):
    """Something inside."""

    number = fields.Integer()


WORK: list[tuple[fields.Field[Any], Any, Any]] = [
    (fields.Decimal(as_string=True), Decimal("12.50"), "12.50"),
    (DecimalText(digits=6, places=2, metadata=ABOUT), Decimal("12.5"), "12.50"),
    (DecimalText(digits=6, places=2, metadata=ABOUT), Decimal("1E+2"), "100.00"),
    (fields.Date(), date(2026, 11, 20), "2026-11-20"),
    (fields.Time(), time(9, 30), "09:30:00"),
    (fields.DateTime(), datetime(2026, 11, 20, tzinfo=UTC), "2026-11-20T00:00:00+00:00"),
    (fields.Enum(Colour, by_value=True), Colour.RED, "red"),
    (fields.Enum(Colour), Colour.RED, "RED"),
    (fields.Nested(Inner), SimpleNamespace(number=1), {"number": 1}),
    (fields.Dict(fields.String(), fields.Date()), {"a": date(2026, 1, 1)}, {"a": "2026-01-01"}),
    (fields.List(fields.Decimal(as_string=True)), [Decimal(1)], ["1"]),
    (fields.Float(), 0.5, 0.5),
    (fields.UUID(), uuid.UUID(int=1), str(uuid.UUID(int=1))),
    (fields.IPv4(), IPv4Address("192.0.2.1"), "192.0.2.1"),
    (fields.Url(), "https://example.com", "https://example.com"),
]


@pytest.mark.parametrize(("field", "value", "expected"), WORK)
def test_fields_whose_values_are_json_are_written(
    field: fields.Field[Any], value: Any, expected: Any
) -> None:
    schema = type("Schema", (OutputSchema,), {"value": field})()
    assert orjson.loads(schema.to_json(SimpleNamespace(value=value))) == {"value": expected}
    many = schema.dump([SimpleNamespace(value=value)] * 2, many=True)
    assert orjson.loads(orjson.dumps(many)) == [{"value": expected}] * 2


@pytest.mark.parametrize(
    "field",
    [
        fields.Decimal(),
        fields.Raw(),
        fields.Float(allow_nan=True),
        fields.List(fields.Decimal()),
        fields.Dict(),
        fields.Dict(fields.String(), fields.Raw()),
        fields.Function(lambda _: object()),
    ],
    ids=lambda field: type(field).__name__,
)
def test_fields_whose_values_may_not_be_json_stop_the_start(field: fields.Field[Any]) -> None:
    with pytest.raises(TypeError, match=r"Schema\.value: .* JSON has no type for"):
        type("Schema", (OutputSchema,), {"value": field})()
