"""The generated Python client against a live Hypercorn: the life of items. mypy checks this, and
the client, like everything else."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from items_api_client import AuthenticatedClient, Client
from items_api_client.api.auth import create_token, register_user
from items_api_client.api.health import get_health
from items_api_client.api.items import (
    create_item,
    delete_item,
    get_item,
    list_items,
    replace_item,
    update_item,
)
from items_api_client.models import (
    Health,
    Item,
    ItemInput,
    ItemPage,
    ItemPatch,
    Problem,
    TokenPair,
)
from items_api_client.types import UNSET

from tests.clients.answers import parsed
from tests.clients.test_python_accounts import ADA, grant_of


async def test_an_item_is_created_read_changed_and_deleted(live: str) -> None:
    async with Client(live) as client:
        created = await create_item.asyncio_detailed(
            client=client,
            body=ItemInput("First item", description=None, status="doing", tags=["a"]),
        )
        item = parsed(Item, created)
        assert created.status_code == HTTPStatus.CREATED
        assert created.headers["Location"] == f"/api/items/{item.id}"
        assert created.headers["ETag"] == '"1"'
        assert (item.name, item.description, item.status) == ("First item", None, "doing")
        assert (item.quantity, item.tags, item.version) == (1, ["a"], 1)
        assert item.created_at == item.updated_at
        assert abs(datetime.now(UTC) - item.created_at) < timedelta(days=1)

        read = await get_item.asyncio_detailed(item.id, client=client)
        assert parsed(Item, read) == item
        etag = read.headers["ETag"]
        known = await get_item.asyncio_detailed(item.id, client=client, if_none_match=etag)
        assert (known.status_code, known.parsed) == (HTTPStatus.NOT_MODIFIED, None)

        body = ItemInput("Second item", description="More about it.", quantity=0, tags=["a", "b"])
        replaced = await replace_item.asyncio_detailed(
            item.id, client=client, body=body, if_match=etag
        )
        item = parsed(Item, replaced)
        assert (item.description, item.status, item.quantity) == ("More about it.", "todo", 0)

        changed = await update_item.asyncio_detailed(
            item.id,
            client=client,
            body=ItemPatch(description=None, status="done", tags=None),
            if_match=replaced.headers["ETag"],
        )
        item = parsed(Item, changed)
        assert (item.name, item.description, item.status) == ("Second item", None, "done")
        assert (item.quantity, item.tags, item.version) == (0, [], 3)

        gone = await delete_item.asyncio_detailed(
            item.id, client=client, if_match=changed.headers["ETag"]
        )
        assert (gone.status_code, gone.parsed) == (HTTPStatus.NO_CONTENT, None)
        assert isinstance(await get_item.asyncio(item.id, client=client), Problem)


def test_an_item_is_created_read_changed_and_deleted_without_asyncio(live: str) -> None:
    with Client(live) as client:
        assert isinstance(get_health.sync(client=client), Health)
        created = create_item.sync_detailed(client=client, body=ItemInput("First item"))
        item = parsed(Item, created)
        assert get_item.sync(item.id, client=client) == item
        replaced = replace_item.sync_detailed(
            item.id, client=client, body=ItemInput("Second"), if_match=created.headers["ETag"]
        )
        changed = update_item.sync_detailed(
            item.id,
            client=client,
            body=ItemPatch(status="done"),
            if_match=replaced.headers["ETag"],
        )
        assert (parsed(Item, changed).name, parsed(Item, changed).status) == ("Second", "done")
        stale = delete_item.sync_detailed(item.id, client=client, if_match='"1"')
        assert parsed(Problem, stale).status == HTTPStatus.PRECONDITION_FAILED
        gone = delete_item.sync_detailed(item.id, client=client, if_match="*")
        assert gone.status_code == HTTPStatus.NO_CONTENT
        assert parsed(Problem, get_item.sync_detailed(item.id, client=client)).status == 404


async def test_pages_lead_to_the_end(live: str) -> None:
    async with Client(live) as client:
        for number in range(7):
            body = ItemInput(f"Item {number}", tags=["odd" if number % 2 else "even"])
            parsed(Item, await create_item.asyncio_detailed(client=client, body=body))
        names: list[str] = []
        cursor = None
        while True:
            page = parsed(
                ItemPage,
                await list_items.asyncio_detailed(
                    client=client,
                    limit=3,
                    sort="name",
                    cursor=UNSET if cursor is None else cursor,
                    include_total=True,
                ),
            )
            assert (page.total, page.total_is_exact) == (7, True)
            names += [item.name for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert names == [f"Item {number}" for number in range(7)]


async def test_filters_take_dates_tags_and_choices(live: str) -> None:
    async with Client(live) as client:
        wanted = parsed(
            Item,
            await create_item.asyncio_detailed(
                client=client, body=ItemInput("Wanted", status="doing", tags=["a", "b"])
            ),
        )
        await create_item.asyncio(client=client, body=ItemInput("Other", tags=["a"]))
        for created_before, found in ((UNSET, [wanted]), (wanted.created_at, [])):
            page = parsed(
                ItemPage,
                await list_items.asyncio_detailed(
                    client=client,
                    status=["doing", "done"],
                    tag=["a", "b"],
                    q="want*",
                    created_after=wanted.created_at - timedelta(microseconds=1),
                    created_before=created_before,
                ),
            )
            assert page.items == found
            assert (page.next_cursor, page.total) == (None, None)


async def test_users_see_their_own_items(live: str) -> None:
    async with Client(live) as client:
        await register_user.asyncio(client=client, body=ADA)
        signed_in = await create_token.asyncio_detailed(client=client, body=grant_of(ADA))
        body = ItemInput("Nobody's")
        other = parsed(Item, await create_item.asyncio_detailed(client=client, body=body))
    token = parsed(TokenPair, signed_in).access_token
    async with AuthenticatedClient(live, token) as client:
        body = ItemInput("Ada's")
        own = parsed(Item, await create_item.asyncio_detailed(client=client, body=body))
        assert parsed(ItemPage, await list_items.asyncio_detailed(client=client)).items == [own]
        assert isinstance(await get_item.asyncio(other.id, client=client), Problem)
