"""The generated Python client against a live Hypercorn: problems are read with their types."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from items_api_client import Client
from items_api_client.api.items import create_item, get_item, replace_item, update_item
from items_api_client.models import (
    Item,
    ItemInput,
    ItemPatch,
    Problem,
)
from items_api_client.types import UNSET

from api.problems import BY_SLUG
from tests.clients.answers import Answer, parsed


async def blank_name(client: Client, _item: Item) -> Answer:
    return await create_item.asyncio_detailed(client=client, body=ItemInput(" "))


async def unknown_id(client: Client, _item: Item) -> Answer:
    return await get_item.asyncio_detailed(uuid4(), client=client)


async def stale_etag(client: Client, item: Item) -> Answer:
    body = ItemPatch(status="done")
    return await update_item.asyncio_detailed(item.id, client=client, body=body, if_match='"7"')


async def no_etag(client: Client, item: Item) -> Answer:
    return await replace_item.asyncio_detailed(item.id, client=client, body=ItemInput("Second"))


async def large_body(client: Client, _item: Item) -> Answer:
    return await create_item.asyncio_detailed(client=client, body=ItemInput("x" * 10_000))


async def compressed_body(client: Client, _item: Item) -> Answer:
    async with client.with_headers({"Content-Encoding": "gzip"}) as compressing:
        return await create_item.asyncio_detailed(client=compressing, body=ItemInput("First item"))


async def key_of_another(client: Client, _item: Item) -> Answer:
    key = str(uuid4())
    for name in ("First item", "Second item"):
        answer = await create_item.asyncio_detailed(
            client=client, body=ItemInput(name), idempotency_key=key
        )
    return answer


REFUSED: dict[str, Callable[[Client, Item], Awaitable[Answer]]] = {
    "invalid-request": blank_name,
    "unknown-id": unknown_id,
    "precondition-failed": stale_etag,
    "content-too-large": large_body,
    "unsupported-media-type": compressed_body,
    "idempotency-key-reused": key_of_another,
    "precondition-required": no_etag,
}


@pytest.mark.parametrize("slug", REFUSED)
async def test_a_problem_is_read_with_its_types(live: str, slug: str) -> None:
    async with Client(live) as client:
        body = ItemInput("First item")
        item = parsed(Item, await create_item.asyncio_detailed(client=client, body=body))
        answer = await REFUSED[slug](client, item)
    problem, expected = parsed(Problem, answer), BY_SLUG[slug]
    assert answer.status_code == problem.status == expected.status
    assert (problem.type_, problem.title) == (expected.uri, expected.title)
    assert problem.error == problem.detail
    assert problem.request_id == answer.headers["X-Request-ID"]
    places = [(error.pointer, error.parameter, error.header) for error in problem.errors]
    assert places == {
        "invalid-request": [("/name", UNSET, UNSET)],
        "unsupported-media-type": [(UNSET, UNSET, "Content-Encoding")],
    }.get(slug, [])
