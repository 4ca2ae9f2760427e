"""Timestamps as clients write them."""

import pytest
from marshmallow import ValidationError

from schemas.fields import Timestamp
from schemas.queries import QueryTimestamp


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
        "9999-12-31T23:59:60Z",
        "2026-11-20",
    ],
)
def test_anything_else_is_no_timestamp(text: str) -> None:
    with pytest.raises(ValidationError, match="Not an RFC 3339 date and time with an off"):
        Timestamp().deserialize(text)


def test_a_leap_second_is_the_last_of_a_day() -> None:
    with pytest.raises(ValidationError, match="A leap second is the last second of a day in UTC"):
        Timestamp().deserialize("2026-11-20T09:30:60Z")
