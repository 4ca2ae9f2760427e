"""How often a user may change an account with its password, and deleting it."""

from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from storage.accounts.tables import ADMIN
from tests.accounts import Account, account
from tests.factory import PASSWORD, settings_for
from tests.gizmos import gizmo_input
from tests.limited_app import client_at
from tests.sign_in import sign_in

ME = "/api/users/me"
WRONG = {"current_password": f"{PASSWORD} no"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path, REGISTRATION="off")


@pytest.fixture
async def ada(app: AsyncFlask) -> Account:
    return await account(app, email="ada@example.com")


async def change(client: httpx.AsyncClient, by: Account, **body: str) -> httpx.Response:
    sent = {"current_password": PASSWORD, **body}
    return await client.patch(ME, json=sent, headers=by.headers)


async def delete(
    client: httpx.AsyncClient, by: Account, body: Any = None, **headers: str
) -> httpx.Response:
    sent = {"current_password": PASSWORD} if body is None else body
    return await client.request("DELETE", ME, json=sent, headers={**by.headers, **headers})


async def test_ten_changes_an_hour_are_allowed_with_a_right_or_a_wrong_password(
    app: AsyncFlask, ada: Account
) -> None:
    clients = [client_at(app, f"203.0.113.{number}") for number in range(1, 11)]
    answers = [await change(client, ada, email="x@example.com", **WRONG) for client in clients[:5]]
    answers += [await delete(client, ada, WRONG) for client in clients[5:]]
    assert [answer.status_code for answer in answers] == [403] * 10
    client = clients[0]
    for refused in (await change(client, ada, email="x@example.com"), await delete(client, ada)):
        assert refused.status_code == 429
        assert refused.json()["type"] == "/errors/rate-limited"
    other = await account(app)
    assert (await change(client, other, email="y@example.com")).status_code == 200
    assert (await sign_in(client)).status_code == 200


async def test_five_new_addresses_a_day_though_registration_is_closed(
    app: AsyncFlask, client: httpx.AsyncClient, ada: Account, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer says whether an address is taken."""
    await account(app, email="bob@example.com")
    tried = [
        "bob@example.com",
        "a@example.com",
        "BOB@example.com",
        "b@example.com",
        "c@example.com",
    ]
    answers = [await change(client, ada, email=email) for email in tried]
    assert [answer.status_code for answer in answers] == [409, 200, 409, 200, 200]
    for email in ("bob@example.com", "d@example.com"):
        assert (await change(client, ada, email=email)).status_code == 429
    assert (await change(client, ada, password=f"{PASSWORD}, another")).status_code == 200
    lines = [cast(dict[str, Any], r.msg) for r in caplog.records if r.name == "audit"]
    limited = [line for line in lines if line["event"] == "attempt_limited"]
    assert [line["user_id"] for line in limited] == [str(ada.user.id)] * 2


async def test_deletes_ones_account(client: httpx.AsyncClient, ada: Account) -> None:
    for wrong in (WRONG, {"current_password": "x"}):
        refused = await delete(client, ada, wrong)
        assert refused.status_code == 403
        assert refused.json()["errors"][0]["pointer"] == "/current_password"
    assert (await delete(client, ada, {})).status_code == 400
    assert (await delete(client, ada, **{"If-Match": '"another"'})).status_code == 412
    deleted = await delete(client, ada)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await client.get(ME, headers=ada.headers)).status_code == 401


async def test_gizmos_go_only_if_that_is_asked(client: httpx.AsyncClient, ada: Account) -> None:
    created = await client.post("/api/gizmos", json=gizmo_input(), headers=ada.headers)
    assert created.status_code == 201
    refused = await delete(client, ada)
    assert refused.status_code == 409
    assert refused.json()["type"] == "/errors/user-owns-data"
    body = {"current_password": PASSWORD}
    deleted = await client.request(
        "DELETE", f"{ME}?delete_owned=true", json=body, headers=ada.headers
    )
    assert deleted.status_code == 204
    assert (await client.get(created.headers["Location"])).status_code == 404


async def test_the_last_admin_is_not_removed(
    app: AsyncFlask, client: httpx.AsyncClient, ada: Account
) -> None:
    boss = await account(app, ADMIN)
    refused = await delete(client, boss)
    assert refused.status_code == 409
    assert refused.json()["type"] == "/errors/last-admin"


async def test_the_log_records_deletions_and_refused_admin_operations(
    client: httpx.AsyncClient, ada: Account, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await client.get("/api/users", headers=ada.headers)).status_code == 403
    assert (
        await client.delete(f"/api/users/{ada.user.id}", headers=ada.headers)
    ).status_code == 403
    assert (await delete(client, ada)).status_code == 204
    lines = [cast(dict[str, Any], r.msg) for r in caplog.records if r.name == "audit"]
    assert [(line["event"], line["user_id"], line.get("operation")) for line in lines] == [
        ("admin_refused", str(ada.user.id), "list_users"),
        ("admin_refused", str(ada.user.id), "delete_user"),
        ("user_deleted", str(ada.user.id), None),
    ]
