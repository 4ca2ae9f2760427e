"""Field types: what they take, what they refuse, and that their patterns say the same."""

import re
import sys
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Range, Regexp

from schemas.base import OutputSchema
from schemas.characters import is_blank
from schemas.emails import BLANKS
from schemas.fields import (
    BoundedList,
    Choice,
    StrictBoolean,
    StrictInteger,
    Text,
    Timestamp,
    TrimmedText,
    VisibleText,
    unique,
)
from schemas.passwords import Password
from schemas.queries import QueryInteger
from storage.collections.words import INVISIBLE as SEARCH

HALF_A_PAIR = "\ud83d"


def messages(field: fields.Field[Any], value: Any) -> Any:
    with pytest.raises(ValidationError) as caught:
        field.deserialize(value)
    return caught.value.messages


@pytest.mark.parametrize("value", ["", " ", "Tür 門 🚪", "line\nline", "\x01", "\ufeff"])
def test_text_is_kept_as_it_came(value: str) -> None:
    assert Text(max_length=20).deserialize(value) == value


@pytest.mark.parametrize("field", [Text(max_length=20), TrimmedText(max_length=20)])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a\x00b", "Must not contain the character NUL."),
        (f"a{HALF_A_PAIR}", "Must not contain half of a surrogate pair."),
        (5, "Not a valid string."),
        (True, "Not a valid string."),
        (["a"], "Not a valid string."),
        (None, "Field may not be null."),
    ],
)
def test_text_refuses_what_no_database_stores(field: Text, value: Any, message: str) -> None:
    assert messages(field, value) == [message]


@pytest.mark.parametrize(
    "value", ["a", " a ", "\u3000a", "line\nline", "", " ", "\x1f", "\x85 \u2028", "\u200da"]
)
def test_the_pattern_of_trimmed_text_takes_what_the_code_takes(value: str) -> None:
    field = TrimmedText(max_length=20)
    taken = bool(value.strip())
    for match in (re.search, re.fullmatch):
        assert bool(match(field.metadata["pattern"], value)) == taken
    if taken:
        assert field.deserialize(value) == value.strip()
    else:
        assert messages(field, value)


def test_blanks_are_what_strip_takes_off() -> None:
    blank = re.compile(f"[{BLANKS}]")
    everything = map(chr, range(sys.maxunicode + 1))
    assert [c for c in everything if bool(blank.fullmatch(c)) != (not c.strip())] == []


def test_characters_that_search_ignores_are_blank() -> None:
    everything = map(chr, range(sys.maxunicode + 1))
    assert [c for c in everything if SEARCH.fullmatch(c) and not is_blank(c)] == []


@pytest.mark.parametrize(
    "value", ["\u2800", "\x01\x7f\x9f", "\ufff9\ufffb", "\u0301\u20e3", "\u3164 "]
)
@pytest.mark.parametrize("field", [TrimmedText(max_length=9), VisibleText(max_length=9)])
def test_a_text_of_which_nothing_can_be_seen_is_refused(field: VisibleText, value: str) -> None:
    assert messages(field, value) == ["Must not be blank."]
    assert field.deserialize(f"{value}e\u0301") == f"{value}e\u0301".strip()


def test_a_field_may_say_a_pattern_of_its_own() -> None:
    metadata = {"pattern": "^a", "description": "Begins with a."}
    assert TrimmedText(max_length=20, metadata=metadata).metadata == metadata


def test_trimmed_text_loses_the_blanks_at_its_ends() -> None:
    assert TrimmedText(max_length=20).deserialize(" \t First  item\n") == "First  item"


@pytest.mark.parametrize(
    "value", ["", " ", "\u3000\t\n", "\u00ad", "\u200b \u200e\u2066", "\ufe0f\U000e0100", "\u3164"]
)
def test_trimmed_text_is_not_blank(value: str) -> None:
    assert messages(TrimmedText(max_length=20), value) == ["Must not be blank."]


def test_the_length_of_trimmed_text_counts_as_sent() -> None:
    field = TrimmedText(min_length=3, max_length=5)
    assert field.deserialize(" a ") == "a"
    assert field.deserialize("🚪" * 5) == "🚪" * 5
    assert messages(field, " aaaa ") == ["Length must be between 3 and 5."]


def test_trimmed_text_leaves_null_and_a_default_alone() -> None:
    assert TrimmedText(max_length=20, allow_none=True).deserialize(None) is None
    assert TrimmedText(max_length=20, load_default=" default ").deserialize("x") == "x"
    schema = Schema.from_dict({"name": TrimmedText(max_length=20, load_default=None)})()
    assert schema.load({}) == {"name": None}


@pytest.mark.parametrize("value", [0, -1, -(2**31), 2**31 - 1])
def test_a_strict_integer_is_a_json_integer(value: int) -> None:
    assert StrictInteger().deserialize(value) == value


def test_a_strict_integer_has_32_bits_unless_it_has_a_range() -> None:
    for value in (2**31, -(2**31) - 1):
        with pytest.raises(ValidationError, match="Must be greater than or equal to -2147483648"):
            StrictInteger().deserialize(value)
    assert StrictInteger(validate=Range(min=0)).deserialize(2**40) == 2**40


@pytest.mark.parametrize("value", ["5", 5.0, 5.5, True, False, [], {}, ""])
def test_a_strict_integer_is_nothing_else(value: Any) -> None:
    assert messages(StrictInteger(), value) == ["Must be an integer, without quotes."]


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("-1", -1), ("050", 50), ("9" * 18, 10**18 - 1)]
)
def test_an_integer_in_a_query_is_written_in_digits(text: str, value: int) -> None:
    assert QueryInteger().deserialize(text) == value


@pytest.mark.parametrize(
    "text", ["", "-", "+1", " 1", "1 ", "1\n", "1_000", "1e2", "5.0", "٣", "0x1", "9" * 19]
)
def test_an_integer_in_a_query_is_written_in_nothing_else(text: str) -> None:
    assert messages(QueryInteger(), text) == ["Must be an integer."]


class Dated(OutputSchema):
    at = Timestamp()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 11, 20, 9, 30, tzinfo=UTC), "2026-11-20T09:30:00.000000Z"),
        (datetime(2026, 11, 20, 9, 30, 0, 7, tzinfo=UTC), "2026-11-20T09:30:00.000007Z"),
        (
            datetime(2026, 11, 20, 0, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "2026-11-19T19:00:00.000000Z",
        ),
        (None, None),
    ],
)
def test_a_timestamp_is_utc_with_microseconds(value: datetime | None, text: str | None) -> None:
    assert orjson.loads(Dated().to_json(SimpleNamespace(at=value))) == {"at": text}


def test_a_bounded_list_takes_as_many_as_it_says() -> None:
    field = BoundedList(Text(max_length=20), max_items=2)
    assert field.deserialize([]) == []
    assert field.deserialize(["a", "b"]) == ["a", "b"]
    assert field.metadata == {"maxItems": 2}


def test_a_bounded_list_reads_no_value_of_one_that_is_too_long() -> None:
    field = BoundedList(Text(max_length=20), max_items=2, validate=unique)
    assert messages(field, [1, 1, 1]) == ["Must not have more than 2 entries."]
    assert messages(field, [1, "a"]) == {0: ["Not a valid string."]}


@pytest.mark.parametrize("value", ["ab", {}, {"a": "b"}, 5, True])
def test_a_bounded_list_is_a_list(value: Any) -> None:
    assert messages(BoundedList(Text(max_length=20), max_items=2), value) == ["Not a valid list."]


def test_values_are_unique_or_the_first_repetition_is_named() -> None:
    unique([])
    unique(["a", "A", " a"])
    with pytest.raises(ValidationError) as caught:
        unique(["a", "b", "a", "b"])
    assert caught.value.messages == {2: ["Must not be repeated."]}


def test_a_password_is_kept_as_it_was_typed() -> None:
    field = Password(max_length=20, metadata={"description": "Yours."})
    assert field.deserialize(" Tür \U0001f6aa\n") == " Tür \U0001f6aa\n"
    assert field.metadata["format"] == "password"
    assert messages(field, "a\x00") == ["Must not contain the character NUL."]


@pytest.mark.parametrize("value", [True, False])
def test_a_strict_boolean_is_true_or_false(value: bool) -> None:
    assert StrictBoolean().deserialize(value) is value


@pytest.mark.parametrize("value", [1, 0, 1.0, "true", "on", "", [], {}])
def test_a_strict_boolean_is_nothing_else(value: Any) -> None:
    assert messages(StrictBoolean(), value) == ["Must be true or false, without quotes."]


def test_each_choice_or_none_has_a_name() -> None:
    with pytest.raises(TypeError, match="Colour: names and meanings need an entry for each choice"):
        type("Colour", (Choice,), {"choices": ("red", "blue"), "names": ("RED",)})


def test_a_text_of_one_line_is_documented_with_its_pattern() -> None:
    pattern = r"^[^\r\n]+$"
    title = TrimmedText(max_length=9, validate=[Regexp(pattern, error="Must be one line.")])
    for text in ("a\nb", "a\r\nb", "\n"):
        assert messages(title, text) == ["Must be one line."]
    assert title.deserialize(" a b ") == "a b"
    plugin = MarshmallowPlugin()
    APISpec("", "", "3.1.0", plugins=[plugin])
    assert plugin.converter is not None
    assert plugin.converter.field2property(title)["pattern"] == pattern
