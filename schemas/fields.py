"""Field types that accept exactly the type they name; marshmallow's own fields coerce values."""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar
from unicodedata import normalize

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf, Range

from schemas.characters import BLANK

NOT_BLANK = r"^\s*\S[\s\S]*$"
"""Anchored, because some languages match a pattern against the whole of a value. What `\\s` means
outside of ASCII differs between languages, so the server doesn't rely on it."""


class Bounded(fields.Field[Any]):
    """A field that checks the length of a value before any other processing.

    The work on a value can grow faster than its length: NFKC of 200,000 consecutive accents takes
    half a minute. So an InputSchema has only bounded fields.
    """

    longest: int
    """The maximum number of characters or entries of a value, as sent."""
    measured: ClassVar[type[str] | type[list[Any]]] = str
    widest: ClassVar[int] = 12
    """The maximum bytes per character: `\\ud83d\\udeaa` in JSON, `%F0%9F%9A%AA` in a form."""
    too_long = "Longer than maximum length {longest}."

    @property
    def largest(self) -> int:
        """The maximum number of bytes that a valid value takes in a request's body."""
        return self.widest * self.longest + len('""')

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, self.measured) and len(value) > self.longest:
            raise ValidationError(self.too_long.format(longest=self.longest))
        return super().deserialize(value, *args, **kwargs)


class Text(Bounded, fields.String):
    """A string that every database can store: no NUL, no lone surrogate."""

    default_error_messages = {
        "nul": "Must not contain the character NUL.",
        "surrogate": "Must not contain half of a surrogate pair.",
    }

    def __init__(self, *, max_length: int, min_length: int = 0, **kwargs: Any) -> None:
        length = Length(min=min_length or None, max=max_length)
        super().__init__(validate=[length, *kwargs.pop("validate", ())], **kwargs)
        self.longest = max_length
        if min_length:
            self.too_long = f"Length must be between {min_length} and {max_length}."

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
    """Text with a visible character. Its length is checked as sent; then it is trimmed."""

    default_error_messages = {"blank": "Must not be blank."}

    def __init__(self, **kwargs: Any) -> None:
        metadata = {"pattern": NOT_BLANK, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def deserialize(self, *args: Any, **kwargs: Any) -> Any:
        text = super().deserialize(*args, **kwargs)
        if not isinstance(text, str):
            return text
        if BLANK.fullmatch(text):
            raise self.make_error("blank")
        return text.strip()


class Password(Text):
    """Text that a form should hide, normalized to Unicode's form C (RFC 8265 §4.2), so that it is
    the same from every keyboard. Its validators and its length limits see the normalized text."""

    most_decomposed = 4
    """A character of form C has at most this many characters in any other form (UAX #15 §14)."""

    def __init__(self, *, max_length: int, metadata: Mapping[str, Any], **kwargs: Any) -> None:
        metadata = {"format": "password", **metadata}
        super().__init__(max_length=max_length, metadata=metadata, **kwargs)
        self.longest = self.most_decomposed * max_length
        self.too_long = f"Must not be longer than {max_length} characters."

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        return normalize("NFC", super()._deserialize(value, attr, data, **kwargs))


class Token(Text):
    """Text of visible ASCII and blanks, as OAuth defines tokens (RFC 6749 appendix A)."""

    widest = 3
    default_error_messages = {"ascii": "Must be visible ASCII characters and blanks."}

    def __init__(self, *, metadata: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(metadata={"pattern": "^[ -~]*$", **metadata}, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        token = super()._deserialize(value, attr, data, **kwargs)
        if not (token.isascii() and token.isprintable()):
            raise self.make_error("ascii")
        return token


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
        about = {"description": inspect.getdoc(self), "examples": [self.choices[0]]}
        super().__init__(validate=OneOf(self.choices), metadata=about, **kwargs)
        self.longest = max(map(len, self.choices))
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
    longest = 20
    too_long = "Must be an integer, without quotes."

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not any(isinstance(validator, Range) for validator in self.validators):
            self.validators.append(Range(min=-(2**31), max=2**31 - 1))


class StrictBoolean(Strict, fields.Boolean):
    """true or false: no "on", no 1."""

    kind = bool
    longest = len("false")
    too_long = "Must be true or false, without quotes."


class BoundedList(Bounded, fields.List[Any]):
    """A list whose length is checked before its values are read."""

    measured = list
    too_long = "Must not have more than {longest} entries."

    def __init__(self, values: Bounded, *, max_items: int, **kwargs: Any) -> None:
        kwargs["metadata"] = {"maxItems": max_items, **kwargs.get("metadata", {})}
        super().__init__(values, **kwargs)
        self.longest = max_items
        self._largest = max_items * (values.largest + len(",")) + len("[]")

    @property
    def largest(self) -> int:
        return self._largest


def unique(values: list[str]) -> None:
    """Raise ValidationError for the first duplicate value."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise ValidationError({index: ["Must not be repeated."]})
        seen.add(value)
