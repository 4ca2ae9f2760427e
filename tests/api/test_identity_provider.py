"""Tokens of an outside identity provider, whose keys a real server publishes."""

import asyncio
from math import inf
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, update

from api.config.settings import Settings
from api.identity.key_set import MAX_SIZE, KeySet
from api.identity.provider import IdentityProvider as Verifier
from api.identity.tokens import TokenVerifier
from api.runtime.async_flask import AsyncFlask
from storage import Database
from storage.accounts.tables import users
from tests.accounts import count_users, signed_in
from tests.factory import settings_for
from tests.identity_provider import (
    AUDIENCE,
    EC_KEY,
    ISSUER,
    KEY,
    OTHER_KEY,
    IdentityProvider,
    bearer,
    jwk_of,
    listed,
    status,
)

pytestmark = pytest.mark.usefixtures("closed")


@pytest.fixture
def settings(tmp_path: Any, provider: IdentityProvider) -> Settings:
    return settings_for(
        tmp_path,
        JWT_JWKS_URL=provider.url,
        JWT_ISSUER=ISSUER,
        JWT_AUDIENCE=AUDIENCE,
    )


def assert_unavailable(response: httpx.Response) -> None:
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] == "30"
    assert response.json()["type"] == "/errors/identity-provider-unavailable"


def asks(app: AsyncFlask, provider: IdentityProvider, **options: float) -> None:
    """Let `app` wait for the provider, or not, in another way than it does."""
    app.services[TokenVerifier] = Verifier(
        issuer=ISSUER, audience=AUDIENCE, keys=KeySet(provider.url, **options)
    )


async def test_the_first_request_of_an_identity_creates_its_user(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider, caplog: Any
) -> None:
    ada = bearer(KEY, "one")
    created = await client.post("/api/gizmos", json={"name": "First item"}, headers=ada)
    assert created.status_code == 201
    assert (await listed(client, ada)).json()["gizmos"] == [created.json()]
    me = (await client.get("/api/users/me", headers=ada)).json()
    assert (me["email"], me["role"], me["active"]) == (None, "user", True)
    grace = bearer(EC_KEY, "two", algorithm="ES256", subject="grace")
    assert (await client.get("/api/users/me", headers=grace)).json()["id"] != me["id"]
    assert (await listed(client, grace)).json()["gizmos"] == []
    registered = [r.msg["user_id"] for r in caplog.records if r.name == "audit"]
    assert registered[0] == me["id"]
    assert len(registered) == 2
    assert provider.asked == 1


async def test_concurrent_first_requests_of_an_identity_create_one_user(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    responses = await asyncio.gather(
        *(client.get("/api/users/me", headers=bearer(KEY, "one")) for _ in range(16))
    )
    assert {response.status_code for response in responses} == {200}
    assert len({response.json()["id"] for response in responses}) == 1
    assert await app.services[Database].read(count_users) == 1


async def test_our_own_tokens_count_as_well(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    assert await status(client, await signed_in(app)) == 200
    assert provider.asked == 0


async def test_a_deactivated_user_of_an_identity_provider_is_refused(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    assert await status(client, bearer(KEY, "one")) == 200
    await app.services[Database].write(close_accounts)
    response = await listed(client, bearer(KEY, "one"))
    assert response.status_code == 401
    assert response.json()["type"] == "/errors/invalid-token"
    assert await app.services[Database].read(count_users) == 1


async def test_new_keys_are_found_and_old_ones_go(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    asks(app, provider, pause=0)
    assert await status(client, bearer(KEY, "one")) == 200
    provider.keys = [jwk_of(OTHER_KEY, "next")]
    assert await status(client, bearer(OTHER_KEY, "next")) == 200
    assert await status(client, bearer(KEY, "one")) == 401
    assert provider.asked == 3


async def test_a_withdrawn_key_is_refused_after_the_keys_are_fetched_again(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    asks(app, provider, kept_for=0)
    assert await status(client, bearer(KEY, "one")) == 200
    provider.keys = [jwk_of(EC_KEY, "two")]
    while await status(client, bearer(KEY, "one")) != 401:
        pass
    assert provider.asked >= 2


async def test_a_flood_of_unknown_keys_is_one_question(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    asks(app, provider, pause=inf)
    floods = [bearer(KEY, f"made-up-{n}") for n in range(50)]
    statuses = await asyncio.gather(*(status(client, headers) for headers in floods))
    assert statuses == [401] * 50
    assert [await status(client, headers) for headers in floods] == [401] * 50
    assert await status(client, bearer(KEY, "one")) == 200
    assert provider.asked == 1


async def test_waiting_for_the_provider_does_not_delay_other_requests(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    asks(app, provider, pause=0, timeout=60)
    assert await status(client, bearer(KEY, "one")) == 200
    provider.open.clear()
    provider.reached.clear()
    provider.keys.append(jwk_of(OTHER_KEY, "next"))
    waiting = [asyncio.ensure_future(status(client, bearer(OTHER_KEY, "next"))) for _ in range(8)]
    await asyncio.to_thread(provider.reached.wait)
    assert await status(client, bearer(KEY, "one")) == 200
    assert (await client.get("/api/health")).status_code == 200
    leaving, *staying = waiting
    leaving.cancel()
    provider.open.set()
    assert await asyncio.gather(*staying) == [200] * 7
    assert provider.asked == 2


async def test_a_slow_provider_is_waited_for_so_long_and_no_longer(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    asks(app, provider, pause=inf, timeout=0.01)
    provider.open.clear()
    for _ in range(3):
        assert_unavailable(await listed(client, bearer(KEY, "one")))
    assert provider.asked <= 1


async def test_known_keys_work_while_the_provider_is_away(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider, caplog: Any
) -> None:
    asks(app, provider, pause=0, kept_for=0)
    assert await status(client, bearer(KEY, "one")) == 200
    provider.status = 500
    for _ in range(3):
        assert_unavailable(await listed(client, bearer(OTHER_KEY, "next")))
        assert await status(client, bearer(KEY, "one")) == 200
    events = {r.msg["event"] for r in caplog.records if r.name == "api.identity.key_set"}
    assert events == {"keys_fetched", "keys_not_fetched"}
    provider.status = 200
    provider.keys.append(jwk_of(OTHER_KEY, "next"))
    while await status(client, bearer(OTHER_KEY, "next")) != 200:
        pass


async def test_a_failure_is_no_reason_to_ask_more_often(
    app: AsyncFlask, client: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    asks(app, provider, pause=inf)
    provider.status = 404
    for _ in range(5):
        assert_unavailable(await listed(client, bearer(KEY, "one")))
    assert provider.asked == 1


async def test_an_unreachable_identity_provider_is_503(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    gone = IdentityProvider()
    with gone.serving():
        pass
    asks(app, gone)
    assert_unavailable(await listed(client, bearer(KEY, "one")))
    assert await status(client, await signed_in(app)) == 200


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        b"[]",
        b"5",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [{"kty": "RSA"}]}',
        b"[" * 100_000,
        b" " * (MAX_SIZE + 1),
        b"\xff\xfe",
    ],
    ids=lambda content: str(content[:20]),
)
async def test_an_invalid_key_set_is_503(
    client: httpx.AsyncClient, provider: IdentityProvider, content: bytes
) -> None:
    provider.content = content
    assert_unavailable(await listed(client, bearer(KEY, "one")))


async def test_redirects_of_the_provider_are_not_followed(
    client: httpx.AsyncClient, provider: IdentityProvider
) -> None:
    elsewhere = IdentityProvider()
    elsewhere.keys = provider.keys
    with elsewhere.serving():
        provider.status, provider.location = 302, elsewhere.url
        assert_unavailable(await listed(client, bearer(KEY, "one")))
    assert elsewhere.asked == 0


def close_accounts(connection: Connection) -> None:
    connection.execute(update(users).values(active=False))
