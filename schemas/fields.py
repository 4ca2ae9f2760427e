"""Field types that accept exactly the type they name; marshmallow's own fields coerce values."""

import inspect
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from schemas.characters import is_blank

RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)
LEAP_SECOND = re.compile(r"(T[0-9]{2}:[0-9]{2}:)60")
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
"""asyncpg stores these two as -infinity and infinity, so neither is accepted."""
NOT_BLANK = r"^\s*\S[\s\S]*$"
"""Anchored, because some languages match a pattern against the whole of a value. What `\\s` means
outside of ASCII differs between languages, so the server doesn't rely on it."""


def about(description: str | None, example: Any, **keywords: Any) -> dict[str, Any]:
    """Return the metadata of a field, for the document: besides these two, any keywords of JSON
    Schema."""
    return {"description": description, "examples": [example], **keywords}


class Bounded(fields.Field[Any]):
    """A field that checks the length of a value before any other processing.

    The work on a value can grow faster than its length: NFKC of 200,000 consecutive accents takes
    half a minute. So an InputSchema has only bounded fields.
    """

    max_length: int
    """The maximum number of characters or entries of a value, as sent."""
    measured: ClassVar[type[str] | type[list[Any]]] = str
    max_bytes_each = 12
    """The maximum bytes of an entry, or of a character: `\\ud83d\\udeaa` in JSON, in a form
    `%F0%9F%9A%AA`."""
    too_long = "Longer than maximum length {max_length}."

    @property
    def max_bytes(self) -> int:
        """The maximum number of bytes that a valid value takes in a request's body, with the quotes
        or brackets around it."""
        return self.max_bytes_each * self.max_length + 2

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, self.measured) and len(value) > self.max_length:
            raise ValidationError(self.too_long.format(max_length=self.max_length))
        return super().deserialize(value, *args, **kwargs)


class Text(Bounded, fields.String):
    """A string that every database can store: no NUL, no lone surrogate."""

    def __init__(self, *, max_length: int, min_length: int = 0, **kwargs: Any) -> None:
        length = Length(min=min_length or None, max=max_length)
        super().__init__(validate=[length, *kwargs.pop("validate", ())], **kwargs)
        self.max_length = max_length
        if min_length:
            self.too_long = f"Length must be between {min_length} and {max_length}."

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "\x00" in text:
            raise ValidationError("Must not contain the character NUL.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValidationError("Must not contain half of a surrogate pair.") from None
        return text


class VisibleText(Text):
    """Text with a visible character."""

    def deserialize(self, *args: Any, **kwargs: Any) -> Any:
        text = super().deserialize(*args, **kwargs)
        if isinstance(text, str) and is_blank(text):
            raise ValidationError("Must not be blank.")
        return text


class TrimmedText(VisibleText):
    """VisibleText whose length is checked as sent; then it is trimmed."""

    def __init__(self, **kwargs: Any) -> None:
        metadata = kwargs.pop("metadata", {})
        if not any(isinstance(each, Regexp) for each in kwargs.get("validate", ())):
            metadata = {"pattern": NOT_BLANK, **metadata}
        super().__init__(metadata=metadata, **kwargs)

    def deserialize(self, *args: Any, **kwargs: Any) -> Any:
        text = super().deserialize(*args, **kwargs)
        return text.strip() if isinstance(text, str) else text


class Named(fields.Field[Any]):
    """A field whose schema has the name of the field's class in the document. All fields of the
    class refer to that schema, so a generated client has one type for them."""

    json_schema: ClassVar[Mapping[str, Any]] = {}
    """The keywords of the schema that apispec doesn't derive from the field."""


class Choice(Named, Bounded, fields.String):
    """One of a few words, which a subclass lists. Its docstring describes the schema.

    `names` are the names of the values in generated code, for values that can't be names.
    `meanings` describe the values.
    """

    choices: ClassVar[tuple[str, ...]]
    names: ClassVar[tuple[str, ...]] = ()
    meanings: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        described = {"x-enum-varnames": cls.names, "x-enum-descriptions": cls.meanings}
        added = {keyword: list(texts) for keyword, texts in described.items() if texts}
        if any(len(texts) != len(cls.choices) for texts in added.values()):
            raise TypeError(f"{cls.__name__}: names and meanings need an entry for each choice")
        cls.json_schema = {"type": "string", "enum": list(cls.choices), **added, **cls.json_schema}

    def __init__(self, **kwargs: Any) -> None:
        metadata = about(inspect.getdoc(self), self.choices[0])
        super().__init__(validate=OneOf(self.choices), metadata=metadata, **kwargs)
        self.max_length = max(map(len, self.choices))
        self.too_long = f"Must be one of: {', '.join(self.choices)}."


class Strict(Bounded):
    """A field of one JSON type, `kind` in Python: no other value is converted to it."""

    kind: ClassVar[type]

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if type(value) is not self.kind:
            raise ValidationError(self.too_long)
        return value


class StrictInteger(Strict, fields.Integer):
    """A JSON number without a fraction: no "5", no 5.5, no true. Without a Range among its
    validators it has that of 32 bits, which is what an Integer column can store."""

    kind = int
    max_length = 20
    too_long = "Must be an integer, without quotes."

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not any(isinstance(validator, Range) for validator in self.validators):
            self.validators.append(Range(min=-(2**31), max=2**31 - 1))


class StrictBoolean(Strict, fields.Boolean):
    """true or false: no "on", no 1."""

    kind = bool
    max_length = len("false")
    too_long = "Must be true or false, without quotes."


class ValueAsText(Bounded):
    """A field whose values are strings of one form: `pattern` matches it, and `parse` reads it.

    `parse` raises ValueError for a string of this form that has no value.
    """

    pattern: re.Pattern[str]
    parse: Callable[[str], Any]

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            raise ValidationError(self.too_long)
        try:
            return self.parse(value)
        except ValueError:
            raise ValidationError(self.too_long) from None


class Timestamp(ValueAsText, fields.AwareDateTime):
    """A date and time (RFC 3339), written in UTC with six digits of microseconds.

    It is read with any offset, which may lack the colon. Digits beyond microseconds are cut off,
    and a leap second is the next second.
    """

    max_length = 64
    too_long = "Not an RFC 3339 date and time with an offset."
    pattern = RFC_3339

    def parse(self, text: str) -> datetime:
        text, leap = LEAP_SECOND.subn(r"\g<1>59", text.upper())
        try:
            in_utc = datetime.fromisoformat(text).astimezone(UTC) + timedelta(seconds=leap)
        except OverflowError:
            in_utc = EARLIEST
        if not EARLIEST < in_utc < LATEST:
            raise ValidationError(
                "Must be after 0001-01-01T00:00:00Z and before 9999-12-31T23:59:59.999999Z."
            )
        if leap and in_utc.time().replace(microsecond=0) != time.min:
            raise ValidationError("A leap second is the last second of a day in UTC.")
        return in_utc

    def _serialize(self, value: datetime | None, attr: Any, obj: Any, **kwargs: Any) -> Any:
        """Leave a datetime to orjson, which takes a seventh of the time, unless orjson would write
        it in another form: it leaves out a fraction of 0."""
        if value is None or (value.microsecond and value.tzinfo is UTC):
            return value
        # asyncpg returns an infinite timestamp, which only SQL can have stored, without an offset.
        in_utc = value.astimezone(UTC) if value.tzinfo else value
        return in_utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


class BoundedList(Bounded, fields.List[Any]):
    """A list whose length is checked before its values are read."""

    measured = list
    too_long = "Must not have more than {max_length} entries."

    def __init__(self, values: Bounded, *, max_items: int, **kwargs: Any) -> None:
        kwargs["metadata"] = {"maxItems": max_items, **kwargs.get("metadata", {})}
        super().__init__(values, **kwargs)
        self.max_length = max_items
        self.max_bytes_each = values.max_bytes + len(",")


def unique(values: list[str]) -> None:
    """Raise ValidationError for the first duplicate value."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise ValidationError({index: ["Must not be repeated."]})
        seen.add(value)
