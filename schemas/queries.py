"""Field types for query strings, in which every value is text."""

import re

from marshmallow import EXCLUDE, fields

from schemas.base import InputSchema
from schemas.fields import BoundedList, Choice, Text, Timestamp, ValueAsText, about

NEWEST_FIRST = "-created_at"
ORDERS = (("", "ASC", "ascending"), ("-", "DESC", "descending"))


class QueryInteger(ValueAsText, fields.Integer):
    """An integer in a query string: an optional minus and up to 18 ASCII digits."""

    max_length = 19
    too_long = "Must be an integer."
    pattern = re.compile(r"-?[0-9]{1,18}")
    parse = int


class QueryTimestamp(Timestamp):
    """A filter by a date and time, in a query string, in which a + stands for a blank."""

    too_long = f"{Timestamp.too_long} Write + as %2B."

    def __init__(self, description: str) -> None:
        metadata = about(description, "2026-11-20T09:30:00Z")
        super().__init__(load_default=None, metadata=metadata)


class QueryFlag(ValueAsText, fields.Boolean):
    """`true` or `false`."""

    max_length = len("false")
    too_long = "Must be true or false."
    pattern = re.compile("true|false")

    def parse(self, text: str) -> bool:
        return text == "true"


def sort_of(name: str, *columns: str) -> Choice:
    """Return the parameter `sort` of a list, newest first by default. The document calls its
    schema `name`."""
    orders = [(column, *order) for column in columns for order in ORDERS]
    # With a default beside the reference, generators for Python and Rust lose the type.
    members = {
        "__doc__": "The order of a list; a minus reverses it. Text is ordered by code point.",
        "choices": tuple(f"{sign}{column}" for column, sign, *_ in orders),
        "names": tuple(f"{column.upper()}_{suffix}" for column, _, suffix, _ in orders),
        "meanings": tuple(f"By `{column}`, {order}." for column, _, _, order in orders),
        "json_schema": {"default": NEWEST_FIRST},
    }
    kind: type[Choice] = type(name, (Choice,), members)
    return kind(load_default=NEWEST_FIRST)


def any_of(choice: type[Choice], description: str) -> BoundedList:
    """Return a parameter that may be repeated, for the filter OneOf."""
    metadata = about(description, [choice.choices[0]])
    most = len(choice.choices)
    return BoundedList(choice(), max_items=most, load_default=list, metadata=metadata)


class Search(Text):
    """Words to search for. `texts` names the fields, for the description in the document."""

    def __init__(self, texts: str) -> None:
        description = (
            f"Only entries with all of these words in {texts}; `prefix*` matches every word with "
            "this prefix. Case and accents are ignored."
        )
        metadata = about(description, "kitch*")
        super().__init__(load_default="", max_length=200, metadata=metadata)


class AnyQuery(InputSchema):
    """Any parameters. All of them are ignored, because probes add their own."""

    class Meta:
        unknown = EXCLUDE
