"""Field types that take what they say and nothing else; marshmallow's own coerce."""

import re
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields

BLANKS = r"\x09-\x0d\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What str.strip() takes off, written out: `\\s` is not the same to every language."""


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
        super().__init__(pattern=rf"^[^\x00]*[^\x00{BLANKS}][^\x00]*$", **kwargs)

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


class BoundedList(fields.List[Any]):
    """A list that is counted before its values are read: a huge one must not cost the time."""

    default_error_messages = {"too_long": "Must not have more than {max_items} entries."}

    def __init__(self, values: fields.Field[Any], *, max_items: int, **kwargs: Any) -> None:
        kwargs["metadata"] = {"maxItems": max_items, **kwargs.get("metadata", {})}
        super().__init__(values, **kwargs)
        self.max_items = max_items

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, list) and len(value) > self.max_items:
            raise self.make_error("too_long", max_items=self.max_items)
        return super()._deserialize(value, attr, data, **kwargs)


def unique(values: list[str]) -> None:
    """Raises ValidationError at the first value that is there twice."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise ValidationError({index: ["Must not be there twice."]})
        seen.add(value)
