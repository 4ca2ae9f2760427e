"""The session operations, through HTTP."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from api.config.settings import Settings
from api.identity.tokens import AccessTokens
from api.runtime.async_flask import AsyncFlask
from storage import Database
from storage.accounts import users as stored
from tests.accounts import another_session, signed_in
from tests.sessions import shift
from tests.sign_in import refresh, register, sign_in, status_with

SESSIONS = "/api/users/me/sessions"


async def start(client: httpx.AsyncClient, agent: str) -> dict[str, Any]:
    """The tokens of a new session; `agent` asked for them."""
    client.headers["User-Agent"] = agent
    response = await sign_in(client)
    assert response.status_code == 200
    pair: dict[str, Any] = response.json()
    return pair


def headers_of(pair: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['access_token']}"}


async def listed(client: httpx.AsyncClient, pair: dict[str, Any]) -> list[dict[str, Any]]:
    response = await client.get(SESSIONS, headers=headers_of(pair))
    assert response.status_code == 200
    assert list(response.json()) == ["sessions"]
    found: list[dict[str, Any]] = response.json()["sessions"]
    return found


@pytest.fixture
async def phone(client: httpx.AsyncClient) -> dict[str, Any]:
    assert (await register(client)).status_code == 201
    return await start(client, "phone")


async def test_lists_where_one_is_signed_in(
    app: AsyncFlask, client: httpx.AsyncClient, phone: dict[str, Any]
) -> None:
    await signed_in(app)  # another user
    laptop = await start(client, "laptop" * 50)
    seen = await listed(client, phone)
    assert [session["user_agent"] for session in seen] == [("laptop" * 50)[:200], "phone"]
    assert [session["current"] for session in seen] == [False, True]
    for session, pair in zip(seen, (laptop, phone), strict=True):
        assert session == {
            "id": str(app.services[AccessTokens].verify(pair["access_token"]).id),
            "created_at": session["created_at"],
            "last_used_at": session["created_at"],
            "expires_at": session["expires_at"],
            "address": "127.0.0.1",
            "user_agent": session["user_agent"],
            "current": session["current"],
        }
        lasts = datetime.fromisoformat(session["expires_at"]) - datetime.fromisoformat(
            session["created_at"]
        )
        assert lasts == timedelta(seconds=app.services[Settings].refresh_token_seconds)


async def test_the_one_that_was_refreshed_last_comes_first(
    app: AsyncFlask, client: httpx.AsyncClient, phone: dict[str, Any]
) -> None:
    await start(client, "laptop")
    client.headers["User-Agent"] = "the phone, updated"
    phone = (await refresh(client, phone)).json()
    first, second = await listed(client, phone)
    assert (first["user_agent"], second["user_agent"]) == ("the phone, updated", "laptop")
    assert first["current"]
    assert first["last_used_at"] > second["last_used_at"] > first["created_at"]


async def test_expired_sessions_are_not_listed(
    app: AsyncFlask, client: httpx.AsyncClient, phone: dict[str, Any]
) -> None:
    await app.services[Database].write(
        shift, timedelta(seconds=app.services[Settings].refresh_token_seconds)
    )
    assert await status_with(client, phone) == 401
    laptop = await start(client, "laptop")
    assert [session["user_agent"] for session in await listed(client, laptop)] == ["laptop"]


async def test_ends_one(client: httpx.AsyncClient, phone: dict[str, Any]) -> None:
    laptop = await start(client, "laptop")
    [its_id] = [s["id"] for s in await listed(client, laptop) if not s["current"]]
    path = f"{SESSIONS}/{its_id}"
    ended = await client.delete(path, headers=headers_of(laptop))
    assert (ended.status_code, ended.content) == (204, b"")
    assert await status_with(client, phone) == 401
    assert (await refresh(client, phone)).status_code == 400
    assert await status_with(client, laptop) == 200
    again = await client.delete(path, headers=headers_of(laptop))
    assert again.status_code == 404
    assert again.json()["detail"] == "No session has this id."


async def test_ends_all(app: AsyncFlask, client: httpx.AsyncClient, phone: dict[str, Any]) -> None:
    somebody = await signed_in(app)
    laptop = await start(client, "laptop")
    ended = await client.delete(SESSIONS, headers=headers_of(laptop))
    assert (ended.status_code, ended.content) == (204, b"")
    assert [await status_with(client, pair) for pair in (phone, laptop)] == [401, 401]
    assert (await client.get(SESSIONS, headers=somebody)).status_code == 200


async def test_the_sessions_of_other_users_cannot_be_ended(
    app: AsyncFlask, client: httpx.AsyncClient, phone: dict[str, Any]
) -> None:
    path = f"{SESSIONS}/{app.services[AccessTokens].verify(phone['access_token']).id}"
    for role in ("user", "admin"):
        response = await client.delete(path, headers=await signed_in(app, role))
        assert response.status_code == 404
    assert await status_with(client, phone) == 200


async def test_a_session_may_know_nothing_of_where_it_is_used(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    """As on a Unix socket, where there is no address."""
    user = await app.services[Database].write(
        stored.create_user, email="bob@example.com", password_hash="#"
    )
    bob = await another_session(app, user)
    [session] = (await client.get(SESSIONS, headers=bob.headers)).json()["sessions"]
    assert (session["address"], session["user_agent"]) == (None, None)
    assert session["last_used_at"] == session["created_at"]
