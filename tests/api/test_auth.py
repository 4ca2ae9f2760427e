"""Registering, signing in and out, as clients see it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection, update

from api import create_app
from api.identity.passwords import HASHER, Passwords
from api.identity.refresh_tokens import RefreshToken
from api.identity.tokens import AccessTokens
from api.runtime.async_flask import AsyncFlask
from storage import Database
from storage.accounts import tables, users
from storage.accounts.grants import RETRY_WINDOW
from tests.conftest import bridged
from tests.factory import PASSWORD, SECRET_KEY, settings_for
from tests.sessions import shift
from tests.sign_in import (
    EMAIL,
    USED_UP,
    WRONG,
    assert_refused,
    refresh,
    register,
    sign_in,
    sign_out,
    status_with,
)

FALLBACK = "an-earlier-key-for-tests-of-32-bytes-or-more"
WEAK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
async def pair(client: httpx.AsyncClient) -> dict[str, Any]:
    """Register a user, sign in, and return the tokens."""
    assert (await register(client)).status_code == 201
    response = await sign_in(client)
    assert response.status_code == 200
    tokens: dict[str, Any] = response.json()
    return tokens


async def test_registers_a_user(client: httpx.AsyncClient) -> None:
    response = await register(client, email=" Ada@Example.com ")
    assert response.status_code == 201
    assert response.headers["ETag"] == f'"{response.json()["id"]}-1"'
    body = response.json()
    assert body == {
        "id": body["id"],
        "email": "Ada@Example.com",
        "role": "user",
        "active": True,
        "created_at": body["created_at"],
        "updated_at": body["created_at"],
        "version": 1,
    }


async def test_an_address_registers_once(client: httpx.AsyncClient) -> None:
    await register(client)
    again = await register(client, email="ADA@example.com")
    assert again.status_code == 409
    assert again.headers["Content-Type"] == "application/problem+json"
    assert again.json()["type"] == "/errors/email-taken"
    assert again.json()["detail"] == "Another account has this email address."


@asynccontextmanager
async def client_of(folder: Path, **environ: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application of its own, with the database in `folder`."""
    app = create_app(settings_for(folder, **environ))
    transport = httpx.ASGITransport(bridged(app))
    async with app, httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(tmp_path, REGISTRATION="off") as client:
        yield client


async def test_registration_is_refused_when_it_is_turned_off(closed: httpx.AsyncClient) -> None:
    response = await register(closed)
    assert response.status_code == 403
    assert response.json()["type"] == "/errors/registration-closed"
    assert_refused(await sign_in(closed), "invalid_grant", WRONG)


async def test_signs_in(client: httpx.AsyncClient) -> None:
    await register(client)
    response = await sign_in(client, username="ADA@EXAMPLE.COM")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    pair = response.json()
    assert pair == {
        "access_token": pair["access_token"],
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_token": pair["refresh_token"],
    }
    assert await status_with(client, pair) == 200


async def test_a_password_may_be_typed_on_any_keyboard(client: httpx.AsyncClient) -> None:
    await register(client, password=f"{PASSWORD} Zwo\u0308lf")
    assert (await sign_in(client, password=f"{PASSWORD} Zw\xf6lf")).status_code == 200


async def test_other_parameters_and_credentials_are_ignored(client: httpx.AsyncClient) -> None:
    """What Swagger UI and OAuth libraries send besides (RFC 6749 §2.3.1, §3.2)."""
    await register(client)
    form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}
    besides = {"scope": "", "client_id": "swagger", "client_secret": "none", "refresh_token": ""}
    response = await client.post("/api/auth/token", data={**form, **besides}, auth=("a", "b"))
    assert response.status_code == 200


async def test_a_weaker_hash_is_made_anew(app: AsyncFlask, client: httpx.AsyncClient) -> None:
    created = (await register(client)).json()
    await app.services[Database].write(set_hash, WEAK.hash(PASSWORD))
    assert (await sign_in(client, password=f"not {PASSWORD}")).status_code == 400
    assert (await password_hash(app)).startswith("$argon2id$v=19$m=8,")
    assert (await sign_in(client)).status_code == 200
    renewed = await password_hash(app)
    assert not HASHER.check_needs_rehash(renewed)
    assert (await sign_in(client)).status_code == 200
    assert await password_hash(app) == renewed
    user = await app.services[Database].read(users.find_by_email, EMAIL)
    assert user is not None
    assert user.version == created["version"]


async def test_too_many_hashes_at_once_are_503(app: AsyncFlask, client: httpx.AsyncClient) -> None:
    await app.services[Passwords].close()
    app.services[Passwords] = Passwords(threads=1, waiting=-1)
    of_problems, of_oauth = "application/problem+json", "application/json"
    for request, media_type in ((register, of_problems), (sign_in, of_oauth)):
        response = await request(client)
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "1"
        assert response.headers["Content-Type"] == media_type
        assert response.json()["type"] == "/errors/passwords-busy"


async def test_a_refresh_token_gets_the_next_ones(
    client: httpx.AsyncClient, pair: dict[str, Any]
) -> None:
    seen = {pair["refresh_token"]}
    for _ in range(3):
        response = await refresh(client, pair)
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store"
        pair = response.json()
        assert pair["refresh_token"] not in seen
        seen.add(pair["refresh_token"])
        assert await status_with(client, pair) == 200


async def test_a_refresh_token_that_is_used_again_ends_the_session(
    client: httpx.AsyncClient, pair: dict[str, Any]
) -> None:
    elsewhere = (await sign_in(client)).json()
    following = (await refresh(client, pair)).json()
    latest = (await refresh(client, following)).json()
    assert_refused(await refresh(client, pair), "invalid_grant", USED_UP)
    assert await status_with(client, latest) == 401
    assert_refused(await refresh(client, latest), "invalid_grant", USED_UP)
    assert await status_with(client, elsewhere) == 200
    assert (await refresh(client, elsewhere)).status_code == 200


async def test_a_refresh_whose_answer_was_lost_is_answered_again(
    app: AsyncFlask, client: httpx.AsyncClient, pair: dict[str, Any]
) -> None:
    lost = (await refresh(client, pair)).json()
    answer = (await refresh(client, pair)).json()
    assert answer["refresh_token"] == lost["refresh_token"]
    assert await status_with(client, answer) == 200
    await app.services[Database].write(shift, RETRY_WINDOW)
    assert_refused(await refresh(client, pair), "invalid_grant", USED_UP)
    assert await status_with(client, answer) == 401


@pytest.mark.parametrize("kept", [True, False], ids=["the old key kept", "the old key removed"])
async def test_a_lost_answer_is_given_again_across_a_change_of_secret_key(
    tmp_path: Path, kept: bool
) -> None:
    changed = {"SECRET_KEY": "another key for tests, of 32 bytes or more"}
    if kept:
        changed["SECRET_KEY_FALLBACKS"] = FALLBACK
    async with client_of(tmp_path, SECRET_KEY=FALLBACK) as client:
        await register(client)
        pair = (await sign_in(client)).json()
        lost = (await refresh(client, pair)).json()
    async with client_of(tmp_path, **changed) as client:
        again = await refresh(client, pair)
        if not kept:
            assert_refused(again, "invalid_grant", USED_UP)
            assert_refused(await refresh(client, lost), "invalid_grant", USED_UP)
            return
        assert again.json()["refresh_token"] == lost["refresh_token"]
        assert await status_with(client, again.json()) == 200
        following = await refresh(client, again.json())
        assert following.status_code == 200
        assert_refused(await refresh(client, pair), "invalid_grant", USED_UP)


async def test_all_that_use_a_refresh_token_at_once_get_the_same_one(
    client: httpx.AsyncClient, pair: dict[str, Any]
) -> None:
    responses = await asyncio.gather(*(refresh(client, pair) for _ in range(8)))
    assert [response.status_code for response in responses] == [200] * 8
    assert len({response.json()["refresh_token"] for response in responses}) == 1
    assert await status_with(client, pair) == 200


async def test_the_id_of_a_session_ends_nothing(
    app: AsyncFlask, client: httpx.AsyncClient, pair: dict[str, Any]
) -> None:
    """It is in every access token; the rest of a refresh token can't be made up."""
    session_id = app.services[AccessTokens].verify(pair["access_token"]).id
    real = RefreshToken.parse(pair["refresh_token"])
    assert real is not None
    assert real.session_id == session_id
    used = real
    for _ in range(2):
        pair = (await refresh(client, pair)).json()
    for made_up in (RefreshToken.new(session_id), replace(used, family=bytes(16))):
        assert_refused(
            await refresh(client, {"refresh_token": str(made_up)}), "invalid_grant", USED_UP
        )
        assert (await sign_out(client, str(made_up))).status_code == 204
        assert await status_with(client, pair) == 200
    assert (await refresh(client, pair)).status_code == 200


async def test_a_closed_account_refreshes_nothing(
    app: AsyncFlask, client: httpx.AsyncClient, pair: dict[str, Any]
) -> None:
    await app.services[Database].write(close_account)
    assert_refused(await refresh(client, pair), "invalid_grant", USED_UP)


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_signing_out_counts_from_the_next_request_on(
    client: httpx.AsyncClient, pair: dict[str, Any], kind: str
) -> None:
    elsewhere = (await sign_in(client)).json()
    response = await sign_out(client, pair[kind])
    assert response.status_code == 204
    assert response.content == b""
    assert await status_with(client, pair) == 401
    assert_refused(await refresh(client, pair), "invalid_grant", USED_UP)
    assert (await sign_out(client, pair[kind])).status_code == 204
    assert await status_with(client, elsewhere) == 200


async def test_a_used_or_an_expired_token_still_signs_out(
    app: AsyncFlask, client: httpx.AsyncClient, pair: dict[str, Any]
) -> None:
    """A refresh token that has been used, an access token that has expired."""
    following = (await refresh(client, pair)).json()
    await sign_out(client, pair["refresh_token"])
    assert (await refresh(client, following)).status_code == 400
    pair = (await sign_in(client)).json()
    session = app.services[AccessTokens].verify(pair["access_token"])
    expired = AccessTokens([SECRET_KEY], lifetime=timedelta(seconds=-1)).issue(session)
    assert await status_with(client, {"access_token": expired}) == 401
    await sign_out(client, expired)
    assert (await refresh(client, pair)).status_code == 400


def close_account(connection: Connection) -> None:
    connection.execute(update(tables.users).values(active=False))


def set_hash(connection: Connection, password_hash: str) -> None:
    connection.execute(update(tables.users).values(password_hash=password_hash))


async def password_hash(app: AsyncFlask) -> str:
    user = await app.services[Database].read(users.find_by_email, EMAIL)
    assert user is not None
    kept: str = user.password_hash
    return kept
