"""openapi-python-client's client, in use."""

from uuid import UUID, uuid4

from generated import AuthenticatedClient, Client, models
from generated.api.auth import create_token, register_user
from generated.api.items import (
    create_item,
    delete_item,
    get_item,
    list_items,
    replace_item,
    update_item,
)
from generated.api.users import get_current_user
from steps import DAY, EMAIL, PASSWORD, SERVER, UNKNOWN, same, step

client = Client(SERVER)
signed_in = AuthenticatedClient(SERVER, "")
kept = {}


def sign_in(**credentials: str) -> None:
    tokens = create_token.sync(client=client, body=models.TokenRequest(**credentials))
    signed_in.token = tokens.access_token
    signed_in.set_httpx_client(None)
    kept["refresh"] = tokens.refresh_token


@step("register")
def _() -> None:
    body = models.UserInput(email=EMAIL, password=PASSWORD)
    same(register_user.sync(client=client, body=body).email, EMAIL)


@step("sign in")
def _() -> None:
    sign_in(grant_type=models.GrantType.PASSWORD, username=EMAIL, password=PASSWORD)


@step("create")
def _() -> None:
    paint = models.ItemInput(
        name="Paint",
        description="Two coats.",
        status=models.ItemStatus.DOING,
        quantity=3,
        tags=["kitchen", "wall"],
    )
    item = create_item.sync(client=signed_in, body=paint, idempotency_key=str(uuid4()))
    create_item.sync(client=signed_in, body=models.ItemInput("Brush"))
    kept["item"] = item
    found = (item.name, item.description, item.status, item.quantity, item.tags)
    same(found, ("Paint", "Two coats.", "doing", 3, ["kitchen", "wall"]))


@step("list")
def _() -> None:
    created = kept["item"].created_at
    page = list_items.sync(
        client=signed_in,
        status=[models.ItemStatus.TODO, models.ItemStatus.DOING],
        tag=["kitchen", "wall"],
        q="pai*",
        created_after=created - DAY,
        created_before=created + DAY,
        updated_after=created - DAY,
        sort=models.ItemSort("-name"),
        include_total=True,
        limit=10,
    )
    same((page.items, page.total), ([kept["item"]], 1))
    same(list_items.sync(client=signed_in, created_before=created - DAY).items, [])


@step("304")
def _() -> None:
    got = get_item.sync_detailed(kept["item"].id, client=signed_in)
    kept["etag"] = got.headers["ETag"]
    known = get_item.sync_detailed(kept["item"].id, client=signed_in, if_none_match=kept["etag"])
    same(known.status_code, 304)


@step("PUT")
def _() -> None:
    body = models.ItemInput("Paint", quantity=5)
    put = replace_item.sync_detailed(
        kept["item"].id, client=signed_in, body=body, if_match=kept["etag"]
    )
    same((put.parsed.quantity, put.parsed.status, put.parsed.version), (5, "todo", 2))
    kept["etag"] = put.headers["ETag"]


@step("PATCH")
def _() -> None:
    body = models.ItemPatch(status=models.ItemStatus.DONE, description=None)
    patched = update_item.sync_detailed(
        kept["item"].id, client=signed_in, body=body, if_match=kept["etag"]
    )
    item = patched.parsed
    same((item.quantity, item.status, item.version), (5, "done", 3))
    kept["etag"] = patched.headers["ETag"]


@step("400")
def _() -> None:
    problem = list_items.sync(client=signed_in, cursor="none")
    same((problem.status, problem.errors[0].parameter), (400, "cursor"))


@step("404")
def _() -> None:
    same(get_item.sync(UUID(UNKNOWN), client=signed_in).status, 404)


@step("412")
def _() -> None:
    body = models.ItemPatch(quantity=1)
    stale = update_item.sync(kept["item"].id, client=signed_in, body=body, if_match='"1"')
    same(stale.status, 412)


@step("delete")
def _() -> None:
    gone = delete_item.sync_detailed(kept["item"].id, client=signed_in, if_match=kept["etag"])
    same(gone.status_code, 204)


@step("refresh")
def _() -> None:
    grant = models.GrantType.REFRESH_TOKEN
    sign_in(grant_type=grant, refresh_token=kept["refresh"])
    same(get_current_user.sync(client=signed_in).email, EMAIL)
