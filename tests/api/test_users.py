"""The operations of admins on users, and what holds for all operations on users, through HTTP."""

from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from api import create_app
from api.runtime.async_flask import AsyncFlask
from storage.accounts.tables import ADMIN
from tests.accounts import HASH, Account, account, another_session
from tests.api.user_requests import ME, NEW_PASSWORD, etag, json_of, patch, path_of
from tests.conftest import bridged
from tests.factory import PASSWORD, settings_for
from tests.gizmos import gizmo_input

NOBODY = "/api/users/3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"


async def test_an_admin_lists_the_users_page_by_page(
    client: httpx.AsyncClient, app: AsyncFlask, boss: Account
) -> None:
    others = [await account(app) for _ in range(4)]
    seen, query = [], {"limit": "2"}
    while True:
        response = await client.get("/api/users", params=query, headers=boss.headers)
        assert response.status_code == 200
        page = response.json()
        assert set(page) == {"users", "next_cursor"}
        seen += page["users"]
        assert ("Link" in response.headers) == (page["next_cursor"] is not None)
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == [json_of(user) for user in [*reversed(others), boss]]
    known = {**boss.headers, "If-None-Match": response.headers["ETag"]}
    assert (await client.get("/api/users", params=query, headers=known)).status_code == 304


async def test_an_admin_reads_a_user(
    client: httpx.AsyncClient, ada: Account, boss: Account
) -> None:
    response = await client.get(path_of(ada), headers=boss.headers)
    assert response.status_code == 200
    assert response.headers["ETag"] == etag(ada)
    assert response.json() == json_of(ada)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [NOBODY, "/api/users/x", "/api/users/mean"])
async def test_an_unknown_user_is_not_found(
    client: httpx.AsyncClient, boss: Account, method: str, path: str
) -> None:
    body = {"json": {"active": True}} if method == "PATCH" else {}
    response = await client.request(method, path, headers=boss.headers, **body)  # type: ignore[arg-type]  # either nothing or a body
    assert response.status_code == 404
    assert response.json()["detail"] == "No user has this id."


ADMINS_OPERATIONS: list[Any] = [
    ("GET", "/api/users", None),
    ("GET", NOBODY, None),
    ("PATCH", NOBODY, {"active": False}),
    ("DELETE", NOBODY, None),
]


@pytest.mark.parametrize(("method", "path", "body"), ADMINS_OPERATIONS)
async def test_only_admins_manage_users(
    client: httpx.AsyncClient, ada: Account, method: str, path: str, body: Any
) -> None:
    response = await client.request(method, path, json=body, headers=ada.headers)
    assert response.status_code == 403
    assert response.json()["type"] == "/errors/forbidden"


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [*ADMINS_OPERATIONS, ("GET", ME, None), ("PATCH", ME, {"current_password": PASSWORD})],
)
async def test_every_operation_on_users_needs_a_token(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    response = await client.request(method, path, json=body)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.json()["type"] == "/errors/authentication-required"


async def test_a_new_role_applies_from_the_next_request_on(
    client: httpx.AsyncClient, ada: Account, boss: Account
) -> None:
    raised = await patch(client, path_of(ada), boss, {"role": "admin"})
    assert raised.status_code == 200
    assert raised.headers["ETag"] == etag(ada, 2)
    assert raised.json() == json_of(ada) | {
        "role": "admin",
        "version": 2,
        "updated_at": raised.json()["updated_at"],
    }
    assert (await client.get("/api/users", headers=ada.headers)).status_code == 200
    lowered = await patch(client, path_of(boss), ada, {"role": "user"})
    assert lowered.status_code == 200
    assert (await client.get("/api/users", headers=boss.headers)).status_code == 403
    assert (await client.get(ME, headers=boss.headers)).status_code == 200


async def test_a_deactivated_users_sessions_stay_ended_after_reactivation(
    app: AsyncFlask, client: httpx.AsyncClient, ada: Account, boss: Account
) -> None:
    response = await patch(client, path_of(ada), boss, {"active": False})
    assert response.status_code == 200
    assert response.json()["active"] is False
    for path in (ME, "/api/gizmos"):
        refused = await client.get(path, headers=ada.headers)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
        assert refused.json()["type"] == "/errors/invalid-token"
    assert (await patch(client, path_of(ada), boss, {"active": True})).status_code == 200
    assert (await client.get(ME, headers=ada.headers)).status_code == 401
    again = await another_session(app, ada.user)
    assert (await client.get(ME, headers=again.headers)).status_code == 200


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, {"pointer": "", "detail": "Send at least one field to change."}),
        ({"role": None}, {"pointer": "/role", "detail": "Field may not be null."}),
        ({"active": None}, {"pointer": "/active", "detail": "Field may not be null."}),
        ({"active": 1}, {"pointer": "/active", "detail": "Must be true or false, without quotes."}),
        ({"role": "root"}, {"pointer": "/role", "detail": "Must be one of: user, admin."}),
        ({"email": "x@y"}, {"pointer": "/email", "detail": "Unknown field."}),
    ],
)
async def test_an_invalid_change_of_a_user_is_refused(
    client: httpx.AsyncClient, ada: Account, boss: Account, body: Any, error: Any
) -> None:
    response = await patch(client, path_of(ada), boss, body)
    assert response.status_code == 400
    assert response.json()["errors"] == [error]
    assert (await client.get(path_of(ada), headers=boss.headers)).json() == json_of(ada)


async def test_the_last_admin_cannot_be_demoted_deactivated_or_deleted(
    client: httpx.AsyncClient, boss: Account
) -> None:
    tried = [
        await patch(client, path_of(boss), boss, {"role": "user"}),
        await patch(client, path_of(boss), boss, {"active": False}),
        await client.delete(path_of(boss), headers=boss.headers),
    ]
    for response in tried:
        assert response.status_code == 409
        assert response.json()["type"] == "/errors/last-admin"
    assert (await client.get(ME, headers=boss.headers)).json() == json_of(boss)


async def test_a_deleted_user_is_not_found_and_signed_out(
    client: httpx.AsyncClient, ada: Account, boss: Account
) -> None:
    assert (await client.get(path_of(ada), headers=boss.headers)).status_code == 200
    stale = {**boss.headers, "If-Match": etag(ada, 2)}
    assert (await client.delete(path_of(ada), headers=stale)).status_code == 412
    response = await client.delete(path_of(ada), headers=boss.headers)
    assert (response.status_code, response.content) == (204, b"")
    assert (await client.get(path_of(ada), headers=boss.headers)).status_code == 404
    assert (await client.delete(path_of(ada), headers=boss.headers)).status_code == 404
    assert (await client.get(ME, headers=ada.headers)).status_code == 401


async def test_a_user_with_data_is_deleted_only_together_with_it(
    client: httpx.AsyncClient, ada: Account, boss: Account
) -> None:
    created = await client.post("/api/gizmos", json=gizmo_input(), headers=ada.headers)
    gizmo = created.headers["Location"]
    for query in ({}, {"delete_owned": "false"}):
        response = await client.delete(path_of(ada), params=query, headers=boss.headers)
        assert response.status_code == 409
        assert response.json()["type"] == "/errors/user-owns-data"
    assert (await client.get(gizmo, headers=boss.headers)).status_code == 200
    wanted = {"delete_owned": "true"}
    response = await client.delete(path_of(ada), params=wanted, headers=boss.headers)
    assert response.status_code == 204
    assert (await client.get(gizmo, headers=boss.headers)).status_code == 404
    assert (await client.get(path_of(ada), headers=boss.headers)).status_code == 404


async def test_the_setting_if_match_required_applies_to_users(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, IF_MATCH_REQUIRED="true"))
    transport = httpx.ASGITransport(bridged(app))
    async with app, httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        boss, ada = await account(app, ADMIN), await account(app)
        body = {"email": "bob@example.com", "current_password": PASSWORD}
        refused = [
            await patch(client, ME, ada, body),
            await patch(client, path_of(ada), boss, {"active": False}),
            await client.delete(path_of(ada), headers=boss.headers),
        ]
        assert [response.status_code for response in refused] == [428, 428, 428]
        assert (await patch(client, ME, ada, body, If_Match=etag(ada))).status_code == 200


async def test_changes_of_an_account_are_in_the_audit_log(
    client: httpx.AsyncClient, ada: Account, boss: Account, caplog: pytest.LogCaptureFixture
) -> None:
    new: dict[str, str] = {"email": "bob@example.com", "password": NEW_PASSWORD}
    await patch(client, ME, ada, new | {"current_password": NEW_PASSWORD})
    await patch(client, ME, ada, new | {"current_password": PASSWORD})
    await patch(client, path_of(ada), boss, {"role": "admin", "active": False})
    await patch(client, path_of(ada), boss, {"active": True}, If_Match=etag(ada))
    await patch(client, path_of(ada), boss, {"active": True})
    await client.delete(path_of(ada), headers=boss.headers)
    await client.delete(path_of(boss), headers=boss.headers)
    boss_id = str(boss.user.id)
    lines = [cast(dict[str, Any], r.msg) for r in caplog.records if r.name == "audit"]
    assert {line["user_id"] for line in lines} == {str(ada.user.id)}
    assert [(line["event"], line.get("by"), line.get("role")) for line in lines] == [
        ("current_password_refused", None, None),
        ("email_changed", None, None),
        ("password_changed", None, None),
        ("role_changed", boss_id, "admin"),
        ("user_deactivated", boss_id, None),
        ("user_reactivated", boss_id, None),
        ("user_deleted", boss_id, None),
    ]


async def test_no_response_contains_a_password_or_its_hash(
    client: httpx.AsyncClient, ada: Account, boss: Account
) -> None:
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD, "email": PASSWORD}
    answers = [
        await client.get("/api/users", headers=boss.headers),
        await client.get(path_of(ada), headers=boss.headers),
        await client.get(ME, headers=ada.headers),
        await patch(client, ME, ada, body),
        await patch(client, ME, ada, body | {"email": "x@y", "current_password": NEW_PASSWORD}),
        await patch(client, ME, ada, body | {"email": "x@y"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 403, 200]
    for answer in answers:
        for secret in (HASH, "$argon2", PASSWORD, NEW_PASSWORD):
            assert secret not in answer.text
