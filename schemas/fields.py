"""Field types that take what they say and nothing else; marshmallow's own coerce."""

import re
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields


class Text(fields.String):
    """A string that every database can store: no NUL, no lone surrogate."""

    default_error_messages = {
        "nul": "Must not contain the character NUL.",
        "surrogate": "Must not contain half of a surrogate pair.",
    }

    def __init__(self, *, pattern: str = r"^[^\x00]*$", **kwargs: Any) -> None:
        # The pattern tells the document what _deserialize checks.
        kwargs["metadata"] = {"pattern": pattern, **kwargs.get("metadata", {})}
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "\x00" in text:
            raise self.make_error("nul")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.make_error("surrogate") from None
        return text


class TrimmedText(Text):
    """Text with something in it besides blanks; its length counts as sent, then it is trimmed."""

    default_error_messages = {"blank": "Must not be blank."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(pattern=r"^[^\x00]*[^\s\x00][^\x00]*$", **kwargs)

    def deserialize(self, *args: Any, **kwargs: Any) -> Any:
        text = super().deserialize(*args, **kwargs)
        if not isinstance(text, str):
            return text
        trimmed = text.strip()
        if not trimmed:
            raise self.make_error("blank")
        return trimmed


class StrictInteger(fields.Integer):
    """A JSON number without fraction: no "5", no 5.0, no true."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class QueryInteger(fields.Integer):
    """An integer in a query string: an optional minus and up to 18 ASCII digits."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise self.make_error("invalid")
        return int(value)


class Timestamp(fields.AwareDateTime):
    """RFC 3339 in UTC, always with six digits of microseconds."""

    def _serialize(self, value: datetime | None, attr: Any, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def unique(values: list[str]) -> None:
    """Raises ValidationError at the first value that is there twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValidationError({index: ["Must not be there twice."]})
