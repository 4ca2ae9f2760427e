"""Field types for values that are strings in JSON: decimals, dates, ids."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields

from schemas.fields import ValueAsText


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
        limits = {"At least": minimum, "At most": maximum}
        fraction = rf"(\.[0-9]{{1,{places}}})?" if places else ""
        number = rf"[0-9]{{1,{digits - places}}}{fraction}$"
        sign = "" if minimum is not None and minimum >= 0 else "-?"
        bounds = [f"{name} {bound}." for name, bound in limits.items() if bound is not None]
        description = " ".join(filter(None, [metadata.get("description"), *bounds]))
        about = {"type": "string", "pattern": f"^{sign}{number}", **metadata}
        super().__init__(
            places=places,
            as_string=True,
            metadata={**about, "description": description},
            **kwargs,
        )
        # A negative number has an error about the minimum, not about its form.
        self.pattern = re.compile(f"^-?{number}")
        self.digits, self.decimals = digits, places
        self._minimum, self._maximum = minimum, maximum
        self.max_length = digits + len("-.")
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

    max_length = len("2026-11-20")
    too_long = "Not a date such as 2026-11-20."
    pattern = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
    parse = date.fromisoformat


class Identifier(ValueAsText, fields.UUID):
    """The id of a resource: a UUID with hyphens."""

    max_length = 36
    too_long = "Not an id."
    pattern = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
    parse = UUID
