"""Field types for values that are text in JSON and in queries: decimals, dates, times, ids."""

import re
from collections.abc import Mapping
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


class DecimalText(Bounded, fields.Decimal):
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
        self._pattern = re.compile(pattern)
        self._digits, self._minimum, self._maximum = digits, minimum, maximum
        self.longest = digits + len("-.")
        self.too_long = self._objection

    @property
    def _objection(self) -> str:
        whole = self._digits - (self.places or 0)
        return (
            f"Must be a decimal in a string, with at most {whole} digits before the point and "
            f"{self.places} after it."
        )

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Decimal:
        if not isinstance(value, str) or not self._pattern.fullmatch(value):
            raise ValidationError(self._objection)
        number = Decimal(value)
        if self._minimum is not None and number < self._minimum:
            raise ValidationError(f"Must be {self._minimum} or more.")
        if self._maximum is not None and number > self._maximum:
            raise ValidationError(f"Must be {self._maximum} or less.")
        return number


class Date(Bounded, fields.Date):
    """A date in RFC 3339's form: `2026-11-20`."""

    longest = len("2026-11-20")
    too_long = "Not a date such as 2026-11-20."
    pattern = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise ValidationError(self.too_long)
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError(self.too_long) from None


class Moment(Bounded, Timestamp):
    """A date and time with an offset (RFC 3339), converted to UTC. Digits beyond microseconds
    are cut off, a leap second is the next second, and the offset may have no colon."""

    longest = 64
    too_long = NOT_A_MOMENT

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not RFC_3339.fullmatch(value):
            raise ValidationError(self.too_long)
        text, leap = LEAP_SECOND.subn(r"\g<1>59", value.upper())
        try:
            moment = datetime.fromisoformat(text).astimezone(UTC) + timedelta(seconds=leap)
        except (ValueError, OverflowError):
            raise ValidationError(self.too_long) from None
        if leap and moment.time().replace(microsecond=0) != time.min:
            raise ValidationError("A leap second is the last second of a day in UTC.")
        return moment


class Identifier(Bounded, fields.UUID):
    """The id of a resource: a UUID with hyphens."""

    longest = 36
    too_long = "Not an id."
    pattern = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> UUID:
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise ValidationError(self.too_long)
        return UUID(value)
