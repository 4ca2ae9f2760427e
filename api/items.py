"""Items: create, list, read, replace, change and delete them."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint

from api.config.settings import Settings
from api.http import paging
from api.http.headers import ACCEPT_PATCH, ETAG, LOCATION, NEXT_PAGE, PAGE_ETAG
from api.http.idempotency_keys import Once
from api.identity.caller import Caller
from api.operations import operation
from api.runtime.services import service
from openapi.operation import Access
from schemas.items import Item, ItemInput, ItemListQuery, ItemPage, ItemPatch
from storage import items as stored
from storage.collections.filters import Wanted
from storage.collections.preconditions import Precondition
from storage.errors import QuotaExceeded
from storage.idempotency import Answer
from storage.items import ItemChanges, ItemNotFound, ItemRow, ItemValues

items = Blueprint("items", __name__, url_prefix="/api/items")
settings = service(Settings)


class ItemsOfPage(NamedTuple):
    items: Sequence[ItemRow]
    next_cursor: str | None
    total: int | None
    total_is_exact: bool | None


@items.get("")
@operation(
    query=ItemListQuery,
    returns=ItemPage,
    headers=[PAGE_ETAG, NEXT_PAGE],
    access=Access.OWNERS,
)
async def list_items(query: dict[str, Any], caller: Caller) -> ItemsOfPage:
    """List items.

    The newest first, unless `sort` says otherwise; of each filter that is given, only what
    matches. Follow `next_cursor`, or the `Link` header, until it is null: a page may hold fewer
    items than `limit`, or none, though more follow. No item is there twice or left out, though
    others come and go meanwhile, unless a change moves it in the order. A cursor belongs to the
    order and the filters it was given for.
    """
    wanted, after = _wanted(query), paging.decode(query)
    page = await caller.read(stored.list_items, limit=query["limit"], after=after, wanted=wanted)
    count = query["include_total"]
    total = await caller.read(stored.count_items, wanted) if count else (None, None)
    return ItemsOfPage(page.rows, paging.encode(page.next, query), *total)


def _wanted(query: dict[str, Any]) -> Wanted:
    return Wanted(
        sort=query["sort"],
        statuses=tuple(query["status"]),
        tags=tuple(dict.fromkeys(query["tag"])),
        created_after=query["created_after"],
        created_before=query["created_before"],
        updated_after=query["updated_after"],
        search=query["q"],
    )


@items.post("")
@operation(
    body=ItemInput,
    returns=Item,
    status=201,
    headers=[LOCATION, ETAG],
    access=Access.OWNERS,
    raises=[QuotaExceeded],
)
async def create_item(body: ItemValues, once: Once) -> ItemRow | Answer:
    """Create an item.

    Only `name` is needed; the rest has defaults. `Location` says where the new item is. With an
    `Idempotency-Key` it can be sent again without creating another one.
    """
    return await once(stored.create_item, body, quota=settings.items_per_user)


@items.get("/<id:item_id>")
@operation(returns=Item, headers=[ETAG], access=Access.OWNERS, raises=[ItemNotFound])
async def get_item(item_id: UUID, caller: Caller) -> ItemRow:
    """Read an item.

    Its `ETag`, sent as `If-Match` with a later change, keeps that from overwriting somebody
    else's; sent as `If-None-Match` with the next read, it gets 304 while nothing has changed.
    """
    return await caller.read(stored.get_item, item_id)


@items.put("/<id:item_id>")
@operation(
    body=ItemInput,
    returns=Item,
    headers=[ETAG],
    access=Access.OWNERS,
    raises=[ItemNotFound],
)
async def replace_item(
    item_id: UUID, body: ItemValues, if_match: Precondition, caller: Caller
) -> ItemRow:
    """Replace an item.

    The body is the whole item: an optional field that is left out goes back to its default.
    """
    return await caller.write(stored.replace_item, item_id, body, if_match)


@items.patch("/<id:item_id>")
@operation(
    body=ItemPatch,
    returns=Item,
    headers=[ETAG, ACCEPT_PATCH],
    access=Access.OWNERS,
    raises=[ItemNotFound],
)
async def update_item(
    item_id: UUID, body: ItemChanges, if_match: Precondition, caller: Caller
) -> ItemRow:
    """Change some fields of an item.

    A JSON merge patch (RFC 7396): a field that is left out stays as it is, null sets one back
    to its default.
    """
    return await caller.write(stored.update_item, item_id, body, if_match)


@items.delete("/<id:item_id>")
@operation(status=204, access=Access.OWNERS, raises=[ItemNotFound])
async def delete_item(item_id: UUID, if_match: Precondition, caller: Caller) -> None:
    """Delete an item.

    With `If-Match` only the version that was seen. It can't be brought back.
    """
    await caller.write(stored.delete_item, item_id, if_match)
