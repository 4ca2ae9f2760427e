"""Requests for tokens: sign-ins count for their address, refreshes for their session."""

from pathlib import Path
from typing import Any

import pytest

from api.config.settings import Settings
from api.identity.refresh_tokens import RefreshToken
from api.identity.tokens import AccessTokens
from api.runtime.async_flask import AsyncFlask
from tests.factory import settings_for
from tests.limited_app import client_at
from tests.sign_in import refresh, register, sign_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(
        tmp_path, RATE_LIMIT="8/hour", LOGIN_RATE_LIMIT="3/hour", REFRESH_RATE_LIMIT="4/hour"
    )


@pytest.fixture
async def pair(app: AsyncFlask) -> dict[str, Any]:
    """Tokens that were asked for from elsewhere."""
    client = client_at(app, "192.0.2.1")
    assert (await register(client)).status_code == 201
    tokens: dict[str, Any] = (await sign_in(client)).json()
    return tokens


async def test_sign_ins_count_for_their_address(app: AsyncFlask, pair: dict[str, Any]) -> None:
    client = client_at(app)
    answers = [await sign_in(client) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"login";q=3;w=3600'}
    assert (await sign_in(client_at(app, "203.0.113.2"))).status_code == 200


async def test_refreshes_count_for_their_session(app: AsyncFlask, pair: dict[str, Any]) -> None:
    """The limit of a session doesn't depend on addresses or on other sessions."""
    other = (await sign_in(client_at(app, "192.0.2.2"))).json()
    answers = []
    for number in range(5):
        response = await refresh(client_at(app, f"203.0.113.{number + 1}"), pair)
        answers.append(response)
        if response.status_code == 200:
            pair = response.json()
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"refresh";q=4;w=3600'}
    client = client_at(app)
    for _ in range(4):
        await sign_in(client)
    assert (await refresh(client, other)).status_code == 200


async def test_refreshes_of_many_sessions_from_one_address_are_not_limited(app: AsyncFlask) -> None:
    pairs = []
    for number in range(6):
        elsewhere = client_at(app, f"192.0.2.{number + 1}")
        await register(elsewhere, email=f"user{number}@example.com")
        signed_in = await sign_in(elsewhere, username=f"user{number}@example.com")
        pairs.append(signed_in.json())
    client = client_at(app)
    for _ in range(4):
        answers = [await refresh(client, pair) for pair in pairs]
        assert [answer.status_code for answer in answers] == [200] * 6
        pairs = [answer.json() for answer in answers]


async def test_refreshes_that_fail_count_for_their_address(
    app: AsyncFlask, pair: dict[str, Any]
) -> None:
    """Knowing a session's id is not enough to use up its limit."""
    client = client_at(app)
    session_id = app.services[AccessTokens].verify(pair["access_token"]).id
    made_up = [str(RefreshToken.new(session_id)) for _ in range(9)]
    answers = [await refresh(client, {"refresh_token": token}) for token in made_up]
    assert [answer.status_code for answer in answers] == [400] * 8 + [429]
    assert answers[-1].headers["RateLimit-Policy"] == '"general";q=8;w=3600'
    assert (await refresh(client_at(app, "203.0.113.2"), pair)).status_code == 200
