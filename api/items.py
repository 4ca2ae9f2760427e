"""Items: create, list, read, replace, change and delete them."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from api.config.settings import Settings
from api.http.caller import Caller
from api.http.idempotency_keys import IdempotentWrite
from api.http.inputs import Body, Query
from api.http.paging import PageOf
from api.http.preconditions import IfMatch
from api.operations import operation
from api.runtime.services import service
from openapi.operation import Access
from schemas.items import Item, ItemInput, ItemListQuery, ItemPage, ItemPatch
from storage.collections.lists import Row
from storage.errors import QuotaExceeded
from storage.idempotency import StoredResponse
from storage.items import ITEMS

items = Blueprint("items", __name__, url_prefix="/api/items")
settings = service(Settings)


@items.get("")
@operation(collection=ITEMS, query=ItemListQuery, returns=ItemPage, access=Access.OWNERS)
async def list_items(query: Query, caller: Caller) -> PageOf:
    """List items.

    The newest come first, unless `sort` says otherwise. Each filter that is given leaves only the
    items that match it. Follow `next_cursor`, or the `Link` header, until it is null: a page may
    hold fewer items than `limit`, or none, though more follow. No item is listed twice or left out
    when others are created or deleted meanwhile, unless a change moves it in the order. A cursor
    belongs to the order and the filters it was given for.
    """
    return await caller.page(ITEMS, query)


@items.post("")
@operation(
    collection=ITEMS,
    body=ItemInput,
    returns=Item,
    status=201,
    access=Access.OWNERS,
    raises=[QuotaExceeded],
)
async def create_item(body: Body[dict[str, Any]], write: IdempotentWrite) -> Row | StoredResponse:
    """Create an item.

    Only `name` is needed; the rest has defaults. `Location` says where the new item is. With an
    `Idempotency-Key` the request can be sent again without creating another item.
    """
    return await write.create(ITEMS, body, quota=settings.rows_per_user)


@items.get("/<id:item_id>")
@operation(collection=ITEMS, returns=Item, access=Access.OWNERS)
async def get_item(item_id: UUID, caller: Caller) -> Row:
    """Read an item.

    Send the `ETag` as `If-Match` with a later change to avoid overwriting another client's change,
    or as `If-None-Match` to get 304 while nothing has changed.
    """
    return await caller.get(ITEMS, item_id)


@items.put("/<id:item_id>")
@operation(collection=ITEMS, body=ItemInput, returns=Item, access=Access.OWNERS)
async def replace_item(
    item_id: UUID, body: Body[dict[str, Any]], if_match: IfMatch, write: IdempotentWrite
) -> Row | StoredResponse:
    """Replace an item.

    The body is the whole item: an optional field that is left out goes back to its default. What
    was read can be sent back: `id`, `created_at`, `updated_at` and `version` are ignored if they
    are those of the item.
    """
    return await write.update(ITEMS, item_id, body, if_match)


@items.patch("/<id:item_id>")
@operation(collection=ITEMS, body=ItemPatch, returns=Item, access=Access.OWNERS)
async def update_item(
    item_id: UUID, body: Body[dict[str, Any]], if_match: IfMatch, write: IdempotentWrite
) -> Row | StoredResponse:
    """Change some fields of an item.

    A JSON merge patch (RFC 7396): a field that is left out keeps its value; null resets a field to
    its default.
    """
    return await write.update(ITEMS, item_id, body, if_match)


@items.delete("/<id:item_id>")
@operation(collection=ITEMS, status=204, access=Access.OWNERS)
async def delete_item(
    item_id: UUID, if_match: IfMatch, write: IdempotentWrite
) -> StoredResponse | None:
    """Delete an item.

    With `If-Match`, deletes only that version. A deleted item can't be restored.
    """
    return await write.delete(ITEMS, item_id, if_match)
