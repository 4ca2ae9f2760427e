"""Items: things with a name, a status, a quantity and tags."""

from marshmallow.validate import Range

from schemas.base import InputSchema, merge_patch_of
from schemas.fields import (
    BoundedList,
    Choice,
    StrictInteger,
    Text,
    TrimmedText,
    VisibleText,
    about,
    unique,
)
from schemas.pages import CountedPageQuery, page_of
from schemas.queries import QueryTimestamp, Search, any_of, sort_of
from schemas.resource import resource_of

NAME = about("The item's name. It must not be blank; surrounding blanks are removed.", "First item")
DESCRIPTION = about("More about the item.", "Two for the kitchen.")
QUANTITY = about("The number of pieces, without a fraction.", 1)
TAGS = about(
    "Labels to find the item by, without duplicates and blank ones.",
    ["home", "urgent"],
    uniqueItems=True,
)
TAG = about("A label to find the item by.", "home")


class ItemStatus(Choice):
    """The progress of an item."""

    choices = ("todo", "doing", "done")


class ItemInput(InputSchema):
    """A complete item as a client sends it; a field that is left out gets its default."""

    name = TrimmedText(required=True, min_length=1, max_length=200, metadata=NAME)
    description = Text(load_default=None, allow_none=True, max_length=2000, metadata=DESCRIPTION)
    status = ItemStatus(load_default="todo")
    quantity = StrictInteger(
        load_default=1, validate=Range(min=0, max=2_147_483_647), metadata=QUANTITY
    )
    tags = BoundedList(
        VisibleText(min_length=1, max_length=50, metadata=TAG),
        max_items=20,
        load_default=list,
        validate=unique,
        metadata=TAGS,
    )


ItemPatch = merge_patch_of(ItemInput, "ItemPatch", example={"status": "done"})


Item = resource_of(ItemInput, "Item", "An item as it is stored.")
ItemPage = page_of(Item, "items")


class ItemListQuery(CountedPageQuery):
    """The filters and the order of a list of items."""

    sort = sort_of("ItemSort", "created_at", "updated_at", "name")
    status = any_of(ItemStatus, "Items with any of these statuses.")
    tag = BoundedList(
        Text(min_length=1, max_length=50, metadata=TAG),
        max_items=20,
        load_default=list,
        metadata=about("Items with all of these tags.", ["home"]),
    )
    q = Search("the name or the description")
    created_after = QueryTimestamp("Items created later than this.")
    created_before = QueryTimestamp("Items created earlier than this.")
    updated_after = QueryTimestamp("Items last written later than this.")
