"""The generated Python client: retries, and all pages of a list."""

import asyncio
from http import HTTPStatus
from pathlib import Path

import pytest
from items_api_client import Client
from items_api_client.api.items import create_item, list_items
from items_api_client.models import ItemInput, ItemPage, Problem
from items_api_client.pages import ListFailed, async_pages, pages
from items_api_client.retrying import AsyncRetrying, Retrying
from items_api_client.types import Unset

from api.config.settings import Settings
from tests.factory import settings_for

EACH = [["Brush"], ["Paint"]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path, RATE_LIMIT="1/second")


def names(page: ItemPage) -> list[str]:
    return [item.name for item in page.items]


async def create(client: Client, name: str) -> HTTPStatus:
    answer = await create_item.asyncio_detailed(
        client=client, body=ItemInput(name), idempotency_key=name
    )
    return answer.status_code


async def test_a_request_refused_by_a_rate_limit_is_retried_and_succeeds_once(live: str) -> None:
    def listed(cursor: str | Unset) -> ItemPage | Problem | None:
        return list_items.sync(client=sync, sort="name", limit=1, cursor=cursor)

    async def listed_with_asyncio(cursor: str | Unset) -> ItemPage | Problem | None:
        return await list_items.asyncio(client=client, sort="name", limit=1, cursor=cursor)

    async with Client(live, httpx_args={"transport": AsyncRetrying()}) as client:
        created = await asyncio.gather(*(create(client, name) for name in ("Brush", "Paint")))
        assert created == [HTTPStatus.CREATED] * 2
        assert [names(page) async for page in async_pages(listed_with_asyncio)] == EACH
    with Client(live, httpx_args={"transport": Retrying()}) as sync:
        assert [names(page) for page in await asyncio.to_thread(list, pages(listed))] == EACH


async def test_without_retries_a_limit_is_429(live: str) -> None:
    async with Client(live) as client:
        created = await asyncio.gather(*(create(client, str(number)) for number in range(9)))
        assert HTTPStatus.TOO_MANY_REQUESTS in created


async def test_a_page_that_is_refused_raises(live: str) -> None:
    with Client(live, httpx_args={"transport": Retrying()}) as client:

        def listed(_: str | Unset) -> ItemPage | Problem | None:
            return list_items.sync(client=client, cursor="none")

        with pytest.raises(ListFailed) as raised:
            await asyncio.to_thread(list, pages(listed))
    assert raised.value.problem is not None
    assert raised.value.problem.status == 400
