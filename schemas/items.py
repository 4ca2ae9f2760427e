"""Items: things with a name, a status, a quantity and tags."""

from marshmallow import fields
from marshmallow.validate import Range

from schemas.base import InputSchema, merge_patch_of
from schemas.fields import (
    BoundedList,
    Choice,
    StrictInteger,
    Text,
    TrimmedText,
    unique,
)
from schemas.pages import CountedPage, CountedPageQuery, entries_of
from schemas.queries import QueryTimestamp, Search
from schemas.resource import Resource

NAME = {
    "description": "The item's name. It must not be blank; surrounding blanks are removed.",
    "examples": ["First item"],
}
DESCRIPTION = {"description": "More about the item.", "examples": ["Two for the kitchen."]}
QUANTITY = {"description": "The number of pieces, without a fraction.", "examples": [1]}
TAGS = {
    "description": "Labels to find the item by, without duplicates.",
    "examples": [["home", "urgent"]],
    "uniqueItems": True,
}
TAG = {"description": "A label to find the item by.", "examples": ["home"]}
MOMENT = "2026-11-20T09:30:00Z"


class ItemStatus(Choice):
    """The progress of an item."""

    choices = ("todo", "doing", "done")


class ItemSort(Choice):
    """The order of a list of items; a minus reverses it. Names are ordered by code point."""

    choices = ("created_at", "-created_at", "updated_at", "-updated_at", "name", "-name")


class ItemInput(InputSchema):
    """A complete item as a client sends it; a field that is left out gets its default."""

    name = TrimmedText(required=True, min_length=1, max_length=200, metadata=NAME)
    description = Text(load_default=None, allow_none=True, max_length=2000, metadata=DESCRIPTION)
    status = ItemStatus(load_default="todo")
    quantity = StrictInteger(
        load_default=1, validate=Range(min=0, max=2_147_483_647), metadata=QUANTITY
    )
    tags = BoundedList(
        Text(min_length=1, max_length=50, metadata=TAG),
        max_items=20,
        load_default=list,
        validate=unique,
        metadata=TAGS,
    )


ItemPatch = merge_patch_of(ItemInput, "ItemPatch", example={"status": "done"})


class Item(Resource):
    """An item as it is stored."""

    name = fields.String(metadata=NAME)
    description = fields.String(allow_none=True, metadata=DESCRIPTION)
    status = ItemStatus()
    quantity = fields.Integer(metadata=QUANTITY)
    tags = fields.List(fields.String(metadata=TAG), metadata=TAGS)


class ItemPage(CountedPage):
    """One page of a list of items."""

    items = entries_of(Item, "The items of this page, in the requested order.")


class ItemListQuery(CountedPageQuery):
    """The filters and the order of a list of items."""

    sort = ItemSort(load_default="-created_at")
    status = BoundedList(
        ItemStatus(),
        max_items=3,
        load_default=list,
        metadata={"description": "Items with any of these statuses.", "examples": [["todo"]]},
    )
    tag = BoundedList(
        Text(min_length=1, max_length=50, metadata=TAG),
        max_items=20,
        load_default=list,
        metadata={"description": "Items with all of these tags.", "examples": [["home"]]},
    )
    q = Search("the name or the description")
    created_after = QueryTimestamp(
        load_default=None,
        allow_none=False,
        metadata={"description": "Items created later than this.", "examples": [MOMENT]},
    )
    created_before = QueryTimestamp(
        load_default=None,
        allow_none=False,
        metadata={"description": "Items created earlier than this.", "examples": [MOMENT]},
    )
    updated_after = QueryTimestamp(
        load_default=None,
        allow_none=False,
        metadata={"description": "Items last written later than this.", "examples": [MOMENT]},
    )
