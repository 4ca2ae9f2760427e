"""Field types for values that are strings in JSON: decimals, dates, timestamps, ids."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields

from schemas.fields import Bounded

RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
LEAP_SECOND = re.compile(r"(T[0-9]{2}:[0-9]{2}:)60")


class ValueAsText(Bounded):
    """A field whose values are strings of one form: `pattern` matches it, and `parse` reads it.

    `parse` raises ValueError or OverflowError for a string of this form that has no value.
    """

    pattern: re.Pattern[str]
    parse: Callable[[str], Any]

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise ValidationError(self.too_long)
        try:
            return self.parse(value)
        except (ValueError, OverflowError):
            raise ValidationError(self.too_long) from None


class DecimalText(ValueAsText, fields.Decimal):
    """A decimal as a string with a fixed number of places, such as "12.50": a JSON number would be
    a binary fraction in most clients. At most `digits` digits, `places` of them after the point."""

    def __init__(
        self,
        *,
        digits: int,
        places: int,
        minimum: Decimal | int | None = None,
        maximum: Decimal | int | None = None,
        metadata: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        fraction = rf"(\.[0-9]{{1,{places}}})?" if places else ""
        pattern = rf"^-?[0-9]{{1,{digits - places}}}{fraction}$"
        about = {"type": "string", "pattern": pattern, **metadata}
        super().__init__(places=places, as_string=True, metadata=about, **kwargs)
        self.pattern = re.compile(pattern)
        self._minimum, self._maximum = minimum, maximum
        self.longest = digits + len("-.")
        self.too_long = (
            f"Must be a decimal in a string, with at most {digits - places} digits before the "
            f"point and {places} after it."
        )

    def parse(self, text: str) -> Decimal:
        number = Decimal(text)
        if self._minimum is not None and number < self._minimum:
            raise ValidationError(f"Must be {self._minimum} or more.")
        if self._maximum is not None and number > self._maximum:
            raise ValidationError(f"Must be {self._maximum} or less.")
        return number


class Date(ValueAsText, fields.Date):
    """A date in RFC 3339's form: `2026-11-20`."""

    longest = len("2026-11-20")
    too_long = "Not a date such as 2026-11-20."
    pattern = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
    parse = date.fromisoformat


class Timestamp(ValueAsText, fields.AwareDateTime):
    """A date and time (RFC 3339), written in UTC with six digits of microseconds.

    It is read with any offset, which may lack the colon. Digits beyond microseconds are cut off,
    and a leap second is the next second.
    """

    longest = 64
    too_long = "Not an RFC 3339 date and time with an offset."
    pattern = RFC_3339

    def parse(self, text: str) -> datetime:
        text, leap = LEAP_SECOND.subn(r"\g<1>59", text.upper())
        in_utc = datetime.fromisoformat(text).astimezone(UTC) + timedelta(seconds=leap)
        if leap and in_utc.time().replace(microsecond=0) != time.min:
            raise ValidationError("A leap second is the last second of a day in UTC.")
        return in_utc

    def _serialize(self, value: datetime | None, attr: Any, obj: Any, **kwargs: Any) -> Any:
        """Leave a datetime to orjson, which takes a seventh of the time, unless orjson would write
        it in another form: it leaves out a fraction of 0."""
        if value is None or (value.microsecond and value.tzinfo is UTC):
            return value
        in_utc = value if value.tzinfo is UTC else value.astimezone(UTC)
        return in_utc.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


class Identifier(ValueAsText, fields.UUID):
    """The id of a resource: a UUID with hyphens."""

    longest = 36
    too_long = "Not an id."
    pattern = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
    parse = UUID
