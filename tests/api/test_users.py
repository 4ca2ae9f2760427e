"""The user operations, through HTTP."""

from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from api import create_app
from api.identity.passwords import Passwords
from api.runtime.async_flask import AsyncFlask
from schemas.passwords import COMMON, PERSONAL
from storage import Database
from storage.accounts import users as stored
from storage.accounts.tables import ADMIN
from tests.accounts import HASH, Account, account, another_session
from tests.accounts import sessions_of as ids_of_sessions
from tests.conftest import bridged
from tests.factory import MARKER, PASSWORD, settings_for
from tests.gizmos import gizmo_input

ME = "/api/users/me"
NOBODY = "/api/users/3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"
NEW_PASSWORD = f"{MARKER}, and another"


def path_of(user: Account) -> str:
    return f"/api/users/{user.user.id}"


def json_of(user: Account) -> dict[str, Any]:
    created = user.user.created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "id": str(user.user.id),
        "email": user.user.email,
        "role": user.user.role,
        "active": True,
        "created_at": created,
        "updated_at": created,
        "version": 1,
    }


@pytest.fixture
async def ada(app: AsyncFlask) -> Account:
    return await account(app, email="Ada@example.com")


@pytest.fixture
async def boss(app: AsyncFlask) -> Account:
    return await account(app, ADMIN)


async def patch(
    client: httpx.AsyncClient, path: str, by: Account, body: Any, **headers: str
) -> httpx.Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.patch(path, json=body, headers=by.headers | sent)


def etag(one: Account, version: int = 1) -> str:
    return f'"{one.user.id}-{version}"'


async def test_reads_the_own_account(client: httpx.AsyncClient, ada: Account) -> None:
    response = await client.get(ME, headers=ada.headers)
    assert response.status_code == 200
    assert response.headers["ETag"] == etag(ada)
    assert response.json() == json_of(ada)
    again = await client.get(ME, headers={**ada.headers, "If-None-Match": etag(ada)})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("sent", ["bob@example.com", " bob@example.com ", "ADA@example.com"])
async def test_changes_ones_address(client: httpx.AsyncClient, ada: Account, sent: str) -> None:
    body = {"email": sent, "current_password": PASSWORD}
    response = await patch(client, ME, ada, body, If_Match=etag(ada))
    assert response.status_code == 200
    assert response.headers["ETag"] == etag(ada, 2)
    changed = response.json()
    assert changed == json_of(ada) | {
        "email": sent.strip(),
        "version": 2,
        "updated_at": changed["updated_at"],
    }
    assert changed["updated_at"] > changed["created_at"]
    assert (await client.get(ME, headers=ada.headers)).json() == changed


async def test_rejects_an_address_of_another_account(
    app: AsyncFlask, client: httpx.AsyncClient, ada: Account
) -> None:
    await account(app, email="bob@example.com")
    body = {"email": "Bob@Example.com", "current_password": PASSWORD}
    response = await patch(client, ME, ada, body)
    assert response.status_code == 409
    assert response.json()["type"] == "/errors/email-taken"
    assert (await client.get(ME, headers=ada.headers)).json() == json_of(ada)


async def test_a_new_password_signs_out_everywhere_else(
    app: AsyncFlask, client: httpx.AsyncClient, ada: Account
) -> None:
    other = await another_session(app, ada.user)
    stranger = await account(app)
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    response = await patch(client, ME, ada, body)
    assert response.status_code == 200
    assert response.json()["version"] == 2
    assert await app.services[Database].read(ids_of_sessions, ada.user.id) == [ada.session.id]
    statuses = [
        (await client.get(ME, headers=a.headers)).status_code for a in (ada, other, stranger)
    ]
    assert statuses == [200, 401, 200]
    kept = await app.services[Database].read(stored.find_by_email, "ada@example.com")
    assert kept is not None
    assert await app.services[Passwords].verify(NEW_PASSWORD, kept.password_hash)
    assert (await patch(client, ME, ada, body)).status_code == 403


async def test_a_new_address_signs_out_everywhere_else(
    app: AsyncFlask, client: httpx.AsyncClient, ada: Account
) -> None:
    other = await another_session(app, ada.user)
    body = {"email": "bob@example.com", "current_password": PASSWORD}
    assert (await patch(client, ME, ada, body)).status_code == 200
    statuses = [(await client.get(ME, headers=a.headers)).status_code for a in (ada, other)]
    assert statuses == [200, 401]


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        ({"password": "passwordpassword"}, "/password", COMMON),
        ({"password": "Ada@Example.com"}, "/password", PERSONAL),
        ({"password": "bob@example.com", "email": "bob@example.com"}, "/password", PERSONAL),
    ],
)
async def test_refuses_a_password_that_is_easy_to_guess(
    client: httpx.AsyncClient, ada: Account, changes: dict[str, str], pointer: str, detail: str
) -> None:
    response = await patch(client, ME, ada, {**changes, "current_password": PASSWORD})
    assert response.status_code == 400
    assert response.json()["errors"] == [{"detail": detail, "pointer": pointer}]
    assert (await client.get(ME, headers=ada.headers)).json() == json_of(ada)


async def test_a_change_needs_the_current_password(client: httpx.AsyncClient, ada: Account) -> None:
    body = {"email": "bob@example.com", "password": NEW_PASSWORD, "current_password": NEW_PASSWORD}
    response = await patch(client, ME, ada, body)
    assert response.status_code == 403
    problem = response.json()
    assert problem == {
        "type": "/errors/wrong-password",
        "title": "Wrong password",
        "status": 403,
        "detail": "The current password is incorrect.",
        "error": "The current password is incorrect.",
        "errors": [{"detail": "Incorrect password.", "pointer": "/current_password"}],
        "request_id": response.headers["X-Request-ID"],
    }
    assert "WWW-Authenticate" not in response.headers  # the token is good
    assert (await client.get(ME, headers=ada.headers)).json() == json_of(ada)


async def test_who_has_no_password_here_can_not_change_it_here(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    await app.services[Database].write(stored.enrol_user, "https://idp.example", "7")
    [user] = (await app.services[Database].read(stored.list_users, None, limit=9, after=None)).rows  # type: ignore[arg-type]  # any viewer
    outsider = await another_session(app, user)
    for password in ("", "x", PASSWORD):
        body = {"password": NEW_PASSWORD, "current_password": password}
        response = await patch(client, ME, outsider, body)
        assert response.status_code == (403 if password else 400)
    assert (await client.get(ME, headers=outsider.headers)).json()["email"] is None


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("/current_password", "Missing data for required field.")]),
        ({"current_password": PASSWORD}, [("", "Send at least one field to change.")]),
        ({"email": "x@y"}, [("/current_password", "Missing data for required field.")]),
        (
            {"email": None, "current_password": PASSWORD},
            [("/email", "Field may not be null.")],
        ),
        ({"email": "x", "current_password": PASSWORD}, [("/email", "Not an email address.")]),
        (
            {"password": "x" * 11, "current_password": PASSWORD},
            [("/password", "Length must be between 12 and 128.")],
        ),
        (
            {"role": "admin", "current_password": PASSWORD},
            [("/role", "Unknown field.")],
        ),
    ],
)
async def test_refuses_a_change_that_says_nothing_usable(
    client: httpx.AsyncClient, ada: Account, body: Any, errors: list[tuple[str, str]]
) -> None:
    response = await patch(client, ME, ada, body)
    assert response.status_code == 400
    found = [(error["pointer"], error["detail"]) for error in response.json()["errors"]]
    assert found == errors
    assert (await client.get(ME, headers=ada.headers)).json() == json_of(ada)


async def test_nobody_changes_their_account_unknowingly(
    client: httpx.AsyncClient, ada: Account
) -> None:
    body = {"email": "bob@example.com", "current_password": PASSWORD}
    for if_match in (etag(ada, 2), etag(ada).upper(), '"1"', f'"{ada.session.id}-1"'):
        response = await patch(client, ME, ada, body, If_Match=if_match)
        assert response.status_code == 412
    assert (await client.get(ME, headers=ada.headers)).json() == json_of(ada)


async def test_rejects_other_methods_on_the_own_account(
    client: httpx.AsyncClient, boss: Account
) -> None:
    for method in ("PUT", "POST"):
        response = await client.request(method, ME, headers=boss.headers)
        assert response.status_code == 405
        assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"


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
async def test_who_is_not_there_is_not_found(
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
async def test_nobody_is_anybody_without_a_token(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    response = await client.request(method, path, json=body)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.json()["type"] == "/errors/authentication-required"


async def test_a_role_holds_from_the_next_request_on(
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


async def test_who_is_deactivated_is_signed_out_for_good(
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
async def test_rejects_invalid_changes_of_a_user(
    client: httpx.AsyncClient, ada: Account, boss: Account, body: Any, error: Any
) -> None:
    response = await patch(client, path_of(ada), boss, body)
    assert response.status_code == 400
    assert response.json()["errors"] == [error]
    assert (await client.get(path_of(ada), headers=boss.headers)).json() == json_of(ada)


async def test_the_last_admin_can_not_go(client: httpx.AsyncClient, boss: Account) -> None:
    tried = [
        await patch(client, path_of(boss), boss, {"role": "user"}),
        await patch(client, path_of(boss), boss, {"active": False}),
        await client.delete(path_of(boss), headers=boss.headers),
    ]
    for response in tried:
        assert response.status_code == 409
        assert response.json()["type"] == "/errors/last-admin"
    assert (await client.get(ME, headers=boss.headers)).json() == json_of(boss)


async def test_a_deleted_user_is_gone(
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


async def test_a_user_with_gizmos_goes_only_with_them(
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


async def test_a_change_can_require_if_match(tmp_path: Path) -> None:
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


async def test_the_log_records_changes_of_an_account(
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


async def test_no_answer_has_a_password_or_its_hash(
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
