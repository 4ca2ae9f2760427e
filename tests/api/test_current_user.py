"""Users' own accounts, through HTTP."""

from typing import Any

import httpx
import pytest

from api.identity.passwords import Passwords
from api.runtime.async_flask import AsyncFlask
from schemas.passwords import COMMON, PERSONAL
from storage import Database
from storage.accounts import users as stored
from tests.accounts import Account, account, another_session
from tests.accounts import sessions_of as ids_of_sessions
from tests.api.user_requests import ME, NEW_PASSWORD, etag, json_of, patch
from tests.factory import PASSWORD


async def test_a_user_reads_their_own_account(client: httpx.AsyncClient, ada: Account) -> None:
    response = await client.get(ME, headers=ada.headers)
    assert response.status_code == 200
    assert response.headers["ETag"] == etag(ada)
    assert response.json() == json_of(ada)
    again = await client.get(ME, headers={**ada.headers, "If-None-Match": etag(ada)})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("sent", ["bob@example.com", " bob@example.com ", "ADA@example.com"])
async def test_a_user_changes_their_email_address(
    client: httpx.AsyncClient, ada: Account, sent: str
) -> None:
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


async def test_the_email_address_of_another_account_is_refused(
    app: AsyncFlask, client: httpx.AsyncClient, ada: Account
) -> None:
    await account(app, email="bob@example.com")
    body = {"email": "Bob@Example.com", "current_password": PASSWORD}
    response = await patch(client, ME, ada, body)
    assert response.status_code == 409
    assert response.json()["type"] == "/errors/email-taken"
    assert (await client.get(ME, headers=ada.headers)).json() == json_of(ada)


async def test_a_new_password_ends_all_other_sessions(
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


async def test_a_new_email_address_ends_all_other_sessions(
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
async def test_a_password_that_is_easy_to_guess_is_refused(
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


async def test_a_user_of_an_identity_provider_has_no_password_to_change(
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
async def test_an_invalid_change_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, ada: Account, body: Any, errors: list[tuple[str, str]]
) -> None:
    response = await patch(client, ME, ada, body)
    assert response.status_code == 400
    found = [(error["pointer"], error["detail"]) for error in response.json()["errors"]]
    assert found == errors
    assert (await client.get(ME, headers=ada.headers)).json() == json_of(ada)


async def test_a_change_with_a_stale_if_match_is_refused(
    client: httpx.AsyncClient, ada: Account
) -> None:
    body = {"email": "bob@example.com", "current_password": PASSWORD}
    for if_match in (etag(ada, 2), etag(ada).upper(), '"1"', f'"{ada.session.id}-1"'):
        response = await patch(client, ME, ada, body, If_Match=if_match)
        assert response.status_code == 412
    assert (await client.get(ME, headers=ada.headers)).json() == json_of(ada)


async def test_put_and_post_on_the_own_account_are_not_allowed(
    client: httpx.AsyncClient, boss: Account
) -> None:
    for method in ("PUT", "POST"):
        response = await client.request(method, ME, headers=boss.headers)
        assert response.status_code == 405
        assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
