"""Decimals, dates, timestamps and ids as clients write them."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from marshmallow import ValidationError

from schemas.fields import Timestamp
from schemas.queries import QueryTimestamp
from schemas.values_as_text import Date, DecimalText, Identifier


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2026-11-20T09:30:00Z", "2026-11-20T09:30:00+00:00"),
        ("2026-11-20t09:30:00.5z", "2026-11-20T09:30:00.500000+00:00"),
        ("2026-11-20T09:30:00.123456+0000", "2026-11-20T09:30:00.123456+00:00"),
        ("2026-11-20T09:30:00-0130", "2026-11-20T11:00:00+00:00"),
        ("2026-11-20T09:30:00.123456789+01:00", "2026-11-20T08:30:00.123456+00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("2017-01-01T00:59:60.25+01:00", "2017-01-01T00:00:00.250000+00:00"),
    ],
)
def test_a_timestamp_is_converted_to_utc(text: str, stored: str) -> None:
    for field in (Timestamp(), QueryTimestamp("")):
        assert field.deserialize(text).isoformat() == stored


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T09:30:00",
        "2026-11-20T09:30:00+00",
        "2026-11-20T09:30:00 0000",
        "2026-11-20T09:30:61Z",
        "2026-11-20T09:60:60Z",
        "2026-11-20",
    ],
)
def test_anything_else_is_no_timestamp(text: str) -> None:
    with pytest.raises(ValidationError, match="Not an RFC 3339 date and time with an off"):
        Timestamp().deserialize(text)


def test_a_leap_second_is_the_last_of_a_day() -> None:
    with pytest.raises(ValidationError, match="A leap second is the last second of a day in UTC"):
        Timestamp().deserialize("2026-11-20T09:30:60Z")


ID = "3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"
AMOUNT = DecimalText(digits=5, places=2, minimum=-5, maximum=100, metadata={})
IN_A_STRING = (
    "Must be a decimal in a string, with at most 3 digits before the point and 2 after it."
)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (Date(), "2024-02-29", date(2024, 2, 29)),
        (Identifier(), ID.upper(), UUID(ID)),
        (AMOUNT, "12.5", Decimal("12.5")),
        (AMOUNT, "-5", Decimal(-5)),
        (AMOUNT, "100.00", Decimal(100)),
    ],
)
def test_a_string_of_the_right_form_is_read(field: Any, text: str, value: object) -> None:
    assert field.deserialize(text) == value


@pytest.mark.parametrize(
    ("field", "message", "values"),
    [
        (
            Date(),
            "Not a date such as 2026-11-20.",
            ["2026-02-29", "20261120", "2026-W47-5", "٢٠٢٦-11-20", "0000-01-01", "", 20261120],
        ),
        (Identifier(), "Not an id.", [ID.replace("-", ""), f"{{{ID}}}", f"{ID}0", "", 1, True]),
        (AMOUNT, IN_A_STRING, ["1234", "1.234", "1e1", "NaN", " 1", "٣", ".5", "", 12.5, 12]),
        (AMOUNT, "Must be -5 or more.", ["-5.01"]),
        (AMOUNT, "Must be 100 or less.", ["100.01"]),
    ],
)
def test_other_values_are_rejected(field: Any, message: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(ValidationError) as caught:
            field.deserialize(value)
        assert caught.value.messages == [message]


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T01:00:00+01:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.9999999Z",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T23:59:60Z",
    ],
)
def test_a_timestamp_is_one_that_each_database_can_store(text: str) -> None:
    for field in (Timestamp(), QueryTimestamp("")):
        with pytest.raises(ValidationError) as refused:
            field.deserialize(text)
        assert refused.value.messages == [
            "Must be after 0001-01-01T00:00:00Z and before 9999-12-31T23:59:59.999999Z."
        ]


def test_a_decimal_is_documented_with_its_limits() -> None:
    price = DecimalText(
        digits=5, places=2, minimum=0, maximum=99, metadata={"description": "A price."}
    )
    assert price.metadata == {
        "type": "string",
        "pattern": r"^[0-9]{1,3}(\.[0-9]{1,2})?$",
        "description": "A price. At least 0. At most 99.",
    }
    assert AMOUNT.metadata["pattern"].startswith("^-?")
    with pytest.raises(ValidationError, match="Must be 0 or more"):
        price.deserialize("-1")
