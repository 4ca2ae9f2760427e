"""Fields that don't fit the columns of their table: the start stops with the reason."""

import re
from decimal import Decimal
from typing import Any

import pytest
from marshmallow.validate import Range

from schemas.fields import BoundedList, Choice, StrictBoolean, StrictInteger, Text, Timestamp
from schemas.queries import QueryTimestamp
from schemas.values_as_text import DecimalText, Identifier
from tests.bookings import (
    EXTRA,
    FLOOR,
    GUEST,
    PRICE,
    BookingInput,
    BookingKind,
    BookingListQuery,
    operations,
)


class Wing(Choice):
    """A word that is too long for the column."""

    choices = ("room", "west wing")


A_GUEST: dict[str, Any] = {"required": True, "metadata": GUEST}
MISFITS: list[tuple[dict[str, Any], str]] = [
    ({"guest": Text(max_length=100, allow_none=True, metadata=GUEST)}, "the column can't be null"),
    ({"guest": Text(max_length=101, **A_GUEST)}, "the column stores 100 characters"),
    ({"guest": Identifier(**A_GUEST)}, "Identifier doesn't fit a column of the type String"),
    ({"code": Text(max_length=36, **A_GUEST)}, "Text doesn't fit a column of the type Uuid"),
    ({"kind": Wing(load_default="room")}, "the column stores 6 characters"),
    (
        {"kind": BookingKind(load_default="tent")},
        "the default 'tent' is invalid: ['Must be",
    ),
    (
        {"price": DecimalText(digits=12, places=3, metadata=PRICE)},
        "the column has 10 digits before the point and 2 after it",
    ),
    (
        {"price": DecimalText(digits=13, places=2, metadata=PRICE)},
        "the column has 10 digits before the point and 2 after it",
    ),
    (
        {"price": DecimalText(digits=9, places=2, minimum=1, load_default=Decimal(), metadata={})},
        "the default Decimal('0') is invalid: Must be 1 or more.",
    ),
    ({"paid_on": Timestamp(metadata=FLOOR)}, "Timestamp doesn't fit a column of the type Date"),
    (
        {"floor": StrictInteger(validate=Range(min=0, max=2**31), metadata=FLOOR)},
        "Integer stores -2147483648 to 2147483647, so limit it by a Range",
    ),
    (
        {"floor": StrictInteger(load_default=9, validate=Range(min=0, max=8), metadata=FLOOR)},
        "the default 9 is invalid",
    ),
    (
        {"extras": BoundedList(Text(max_length=21, metadata=EXTRA), max_items=3)},
        "the column stores 20 characters",
    ),
]


@pytest.mark.parametrize(("field", "reason"), MISFITS)
def test_a_field_that_does_not_fit_its_column_stops_the_start(
    field: dict[str, Any], reason: str
) -> None:
    [name] = field
    misfit = type("Misfit", (BookingInput,), {"__doc__": "A misfit.", **field})
    with pytest.raises(TypeError, match=f"^Misfit.{name}: {re.escape(reason)}"):
        operations(body=misfit)


@pytest.mark.parametrize(
    ("name", "field", "reason"),
    [
        ("paid_after", QueryTimestamp(""), "QueryTimestamp doesn't fit a column of the type Date"),
        ("min_floor", StrictInteger(metadata=FLOOR), "StrictInteger rejects"),
        ("confirmed", StrictBoolean(metadata=FLOOR), "StrictBoolean rejects"),
        ("min_price", DecimalText(digits=12, places=3, metadata=PRICE), "the column has 10 digits"),
        ("extra", BoundedList(Identifier(), max_items=3), "Identifier doesn't fit a column of"),
    ],
)
def test_a_filter_that_does_not_fit_its_column_stops_the_start(
    name: str, field: Any, reason: str
) -> None:
    misfit = type("Misfit", (BookingListQuery,), {"__doc__": "A misfit.", name: field})
    with pytest.raises(TypeError, match=f"^Misfit.{name}: .*{reason}"):
        operations(query=misfit)


def test_an_example_that_its_schema_rejects_stops_the_start() -> None:
    misfit = type("Misfit", (BookingInput,), {"example": {"guest": "Ada"}})
    with pytest.raises(TypeError, match=r"^Misfit: its example is invalid: .*arrives_at"):
        operations(body=misfit)
