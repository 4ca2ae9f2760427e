"""openapi-generator's Python client, in use."""

from collections.abc import Callable
from uuid import UUID, uuid4

import openapi_client as api
from steps import DAY, EMAIL, PASSWORD, SERVER, UNKNOWN, same, step

configuration = api.Configuration(host=SERVER)
client = api.ApiClient(configuration)
auth, items, users = api.AuthApi(client), api.ItemsApi(client), api.UsersApi(client)
kept = {}


def refused(status: int, call: Callable[[], object]) -> api.Problem | None:
    """The body of the error with which `call` fails."""
    try:
        call()
    except api.ApiException as error:
        same(error.status, status)
        return error.data
    raise AssertionError("the call did not fail")


@step("register")
def _() -> None:
    same(auth.register_user(api.UserInput(email=EMAIL, password=PASSWORD)).email, EMAIL)


@step("sign in")
def _() -> None:
    tokens = auth.create_token("password", username=EMAIL, password=PASSWORD)
    configuration.access_token = tokens.access_token
    kept["refresh"] = tokens.refresh_token


@step("create")
def _() -> None:
    paint = api.ItemInput(
        name="Paint",
        description="Two coats.",
        status=api.ItemStatus.DOING,
        quantity=3,
        tags=["kitchen", "wall"],
    )
    item = kept["item"] = items.create_item(paint, idempotency_key=str(uuid4()))
    items.create_item(api.ItemInput(name="Brush"))
    found = (item.name, item.description, item.status, item.quantity, sorted(item.tags))
    same(found, ("Paint", "Two coats.", "doing", 3, ["kitchen", "wall"]))


@step("list")
def _() -> None:
    created = kept["item"].created_at
    page = items.list_items(
        status=[api.ItemStatus.TODO, api.ItemStatus.DOING],
        tag=["kitchen", "wall"],
        q="pai*",
        created_after=created - DAY,
        created_before=created + DAY,
        updated_after=created - DAY,
        sort="-name",
        include_total=True,
        limit=10,
    )
    same((page.items, page.total), ([kept["item"]], 1))
    same(items.list_items(created_before=created - DAY).items, [])


@step("304")
def _() -> None:
    got = items.get_item_with_http_info(kept["item"].id)
    kept["etag"] = got.headers["etag"]
    refused(304, lambda: items.get_item(kept["item"].id, if_none_match=kept["etag"]))


@step("PUT")
def _() -> None:
    body = api.ItemInput(name="Paint", quantity=5)
    put = items.replace_item_with_http_info(kept["item"].id, body, if_match=kept["etag"])
    same((put.data.quantity, put.data.status, put.data.version), (5, "todo", 2))
    kept["etag"] = put.headers["etag"]


@step("PATCH")
def _() -> None:
    body = api.ItemPatch(status=api.ItemStatus.DONE, description=None)
    patched = items.update_item_with_http_info(kept["item"].id, body, if_match=kept["etag"])
    same((patched.data.quantity, patched.data.status, patched.data.version), (5, "done", 3))
    kept["etag"] = patched.headers["etag"]


@step("400")
def _() -> None:
    problem = refused(400, lambda: items.list_items(cursor="none"))
    same(problem.errors[0].parameter, "cursor")


@step("404")
def _() -> None:
    same(refused(404, lambda: items.get_item(UUID(UNKNOWN))).status, 404)


@step("412")
def _() -> None:
    body = api.ItemPatch(quantity=1)
    problem = refused(412, lambda: items.update_item(kept["item"].id, body, if_match='"1"'))
    same(problem.status, 412)


@step("delete")
def _() -> None:
    gone = items.delete_item_with_http_info(kept["item"].id, if_match=kept["etag"])
    same(gone.status_code, 204)


@step("refresh")
def _() -> None:
    tokens = auth.create_token("refresh_token", refresh_token=kept["refresh"])
    configuration.access_token = tokens.access_token
    same(users.get_current_user().email, EMAIL)
