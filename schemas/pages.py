"""What every list has: a page's place among the others, asked for and given."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Range

from schemas.base import InputSchema, OutputSchema
from schemas.fields import QueryInteger, Text
from schemas.queries import QueryFlag

CURSOR = "WzE3Ni4uLl0.c2lnbmF0dXJl"


class PageQuery(InputSchema):
    """Which page of the list is wanted."""

    limit = QueryInteger(
        load_default=50,
        validate=Range(min=1, max=200),
        metadata={"description": "How many entries a page holds at most.", "examples": [50]},
    )
    cursor = Text(
        max_length=4096,
        load_default=None,
        allow_none=False,
        metadata={
            "description": "The `next_cursor` of the page before, unchanged and with the same "
            "order and filters; without it, the first page.",
            "examples": [CURSOR],
        },
    )


class CountedPageQuery(PageQuery):
    """Which page of a list that can be counted is wanted."""

    include_total = QueryFlag(
        load_default=False,
        metadata={
            "description": "Whether to count all that match, on whatever page. That takes time.",
            "examples": [True],
        },
    )


class Page(OutputSchema):
    """One page of a list; a subclass adds the entries."""

    next_cursor = fields.String(
        allow_none=True,
        metadata={
            "description": "Send it as `cursor` for the next page; null on the last one.",
            "examples": [CURSOR],
        },
    )


class CountedPage(Page):
    """One page of a list that can be counted."""

    total = fields.Integer(
        allow_none=True,
        metadata={
            "description": "How many match, at most 10000; null unless `include_total` asks.",
            "examples": [1],
        },
    )
    total_is_exact = fields.Boolean(
        allow_none=True,
        metadata={
            "description": "False where more than `total` match; null as `total` is.",
            "examples": [True],
        },
    )


def entries_of(schema: type[OutputSchema], description: str) -> fields.List[Any]:
    """The field of a page that holds its rows."""
    return fields.List(
        fields.Nested(schema), attribute="rows", metadata={"description": description}
    )
