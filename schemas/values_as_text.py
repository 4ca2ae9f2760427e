"""Field types for values that are text in JSON and in queries: decimals, dates, times, ids."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields

from schemas.fields import Bounded, Timestamp

RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
LEAP_SECOND = re.compile(r"(T[0-9]{2}:[0-9]{2}:)60")
NOT_A_MOMENT = "Not an RFC 3339 date and time with an offset."


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


class Moment(ValueAsText, Timestamp):
    """A date and time with an offset (RFC 3339), converted to UTC. Digits beyond microseconds
    are cut off, a leap second is the next second, and the offset may have no colon."""

    longest = 64
    too_long = NOT_A_MOMENT
    pattern = RFC_3339

    def parse(self, text: str) -> datetime:
        text, leap = LEAP_SECOND.subn(r"\g<1>59", text.upper())
        moment = datetime.fromisoformat(text).astimezone(UTC) + timedelta(seconds=leap)
        if leap and moment.time().replace(microsecond=0) != time.min:
            raise ValidationError("A leap second is the last second of a day in UTC.")
        return moment


class Identifier(ValueAsText, fields.UUID):
    """The id of a resource: a UUID with hyphens."""

    longest = 36
    too_long = "Not an id."
    pattern = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
    parse = UUID
