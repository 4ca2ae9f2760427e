"""The parameters and the members that the pages of every list have."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import Range

from schemas.base import InputSchema, OutputSchema
from schemas.fields import Text, about
from schemas.queries import QueryFlag, QueryInteger

CURSOR = "WzE3Ni4uLl0.c2lnbmF0dXJl"


class PageQuery(InputSchema):
    """The parameters that select a page of a list."""

    limit = QueryInteger(
        load_default=50,
        validate=Range(min=1, max=200),
        metadata=about("The maximum number of entries on a page.", 50),
    )
    cursor = Text(
        max_length=4096,
        load_default=None,
        metadata=about(
            "The `next_cursor` of the previous page, sent unchanged with the same "
            "order and filters. Without it, the response is the first page.",
            CURSOR,
        ),
    )


class CountedPageQuery(PageQuery):
    """The parameters that select a page of a list that can be counted."""

    include_total = QueryFlag(
        load_default=False,
        metadata=about(
            "Whether to count the matching entries of all pages, which takes time.", True
        ),
    )


class Page(OutputSchema):
    """One page of a list; a subclass adds the entries."""

    next_cursor = fields.String(
        allow_none=True,
        metadata=about("Send it as `cursor` to get the next page; null on the last page.", CURSOR),
    )


class CountedPage(Page):
    """One page of a list that can be counted."""

    total = fields.Integer(
        allow_none=True,
        metadata=about(
            "The number of matching entries, counted up to 10000; null without `include_total`.", 1
        ),
    )
    total_is_exact = fields.Boolean(
        allow_none=True,
        metadata=about("False if more than `total` entries match; null if `total` is null.", True),
    )


def entries_of(schema: type[OutputSchema], description: str) -> fields.List[Any]:
    """Return the field of a page that contains its rows."""
    return fields.List(
        fields.Nested(schema), attribute="rows", metadata={"description": description}
    )


def page_of(schema: type[OutputSchema], plural: str) -> type[CountedPage]:
    """Return the schema of a page of `schema`, such as OrderPage; its rows are called `plural`."""
    entries = entries_of(schema, f"The {plural} of this page, in the requested order.")
    members = {"__doc__": f"One page of a list of {plural}.", plural: entries}
    name = f"{schema.__name__}Page"
    return type(name, (CountedPage,), {"__module__": schema.__module__, **members})
