"""How often somebody may try an account's password, and that its owner gets in nevertheless."""

import asyncio
from pathlib import Path

import httpx
import pytest

from api import create_app
from api.app import Api
from api.settings import Settings
from tests.accounts import account
from tests.factory import PASSWORD, settings_for
from tests.lodge import LOGIN, add_lodge, client_at
from tests.sign_in import EMAIL, refresh, register, sign_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.fixture
def looked_at(app: Api) -> list[str]:
    """The accounts whose passwords have been looked at."""
    return add_lodge(app)


async def attempt(
    app: Api, password: str, *, name: str = "anna", address: str = "203.0.113.1"
) -> httpx.Response:
    body = {"account": name, "password": password}
    return await client_at(app, address).post(LOGIN, json=body)


async def statuses(app: Api, password: str, times: int, *, address: str) -> list[int]:
    return [(await attempt(app, password, address=address)).status_code for _ in range(times)]


async def use_up(app: Api, looked_at: list[str]) -> list[str]:
    """Try wrong passwords from one address after another until new ones get no more than the first
    three; give those addresses."""
    addresses = [f"198.51.100.{number}" for number in range(1, 17)]
    for address in addresses:
        await statuses(app, "wrong", 11, address=address)
    assert len(looked_at) == 3 * len(addresses) + 100
    return addresses


async def test_ten_wrong_ones_from_an_address_are_looked_at(app: Api, looked_at: list[str]) -> None:
    assert await statuses(app, "wrong", 10, address="203.0.113.1") == [401] * 10
    refused = await attempt(app, "open")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "900"
    assert refused.headers["RateLimit-Policy"] == '"login";q=1000000;w=1'
    assert refused.json()["type"] == "/errors/rate-limited"
    assert refused.json()["detail"] == "Too many requests: the next one is answered in 900 s."
    assert looked_at == ["anna"] * 10


async def test_those_that_come_at_once_are_no_more(app: Api, looked_at: list[str]) -> None:
    answers = await asyncio.gather(*(attempt(app, "wrong") for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 40
    assert len(looked_at) == 10


async def test_other_accounts_and_other_addresses_are_not_affected(
    app: Api, looked_at: list[str]
) -> None:
    assert await statuses(app, "wrong", 11, address="203.0.113.1") == [401] * 10 + [429]
    assert (await attempt(app, "open", name="bert")).status_code == 204
    assert (await attempt(app, "open", address="203.0.113.2")).status_code == 204


async def test_a_right_one_begins_anew(app: Api, looked_at: list[str]) -> None:
    for _ in range(3):
        assert await statuses(app, "wrong", 9, address="203.0.113.1") == [401] * 9
        assert await statuses(app, "open", 1, address="203.0.113.1") == [204]


async def test_who_signs_in_all_the_time_is_not_limited(app: Api, looked_at: list[str]) -> None:
    assert await statuses(app, "open", 200, address="203.0.113.1") == [204] * 200


async def test_all_addresses_together_get_a_hundred_after_their_first_ones(
    app: Api, looked_at: list[str]
) -> None:
    [*_, last] = await use_up(app, looked_at)
    assert (await attempt(app, "open", address=last)).status_code == 429
    refused = [await attempt(app, "wrong", address="192.0.2.1") for _ in range(4)]
    assert [response.status_code for response in refused] == [401, 401, 401, 429]
    assert int(refused[-1].headers["Retry-After"]) <= 3600


async def test_the_owner_gets_in_from_anywhere_while_it_is_attacked(
    app: Api, looked_at: list[str]
) -> None:
    await use_up(app, looked_at)
    for number in range(1, 20):
        address = f"203.0.113.{number}"
        assert await statuses(app, "wrong", 2, address=address) == [401, 401]
        assert await statuses(app, "open", 5, address=address) == [204] * 5


async def test_all_networks_that_one_customer_may_have_share_their_first_ones(
    app: Api, looked_at: list[str]
) -> None:
    await use_up(app, looked_at)
    before = len(looked_at)
    for number in range(10):
        await statuses(app, "wrong", 3, address=f"2001:db8:1:{number}::1")
    assert len(looked_at) == before + 3
    assert await statuses(app, "open", 1, address="2001:db8:2::1") == [204]


async def test_what_the_owner_does_gives_an_attacker_nothing(
    app: Api, looked_at: list[str]
) -> None:
    attackers = await use_up(app, looked_at)
    assert await statuses(app, "open", 20, address="203.0.113.1") == [204] * 20
    for address in attackers:
        assert await statuses(app, "wrong", 1, address=address) == [429]


async def test_accounts_that_are_long_or_strange_are_told_apart(
    app: Api, looked_at: list[str]
) -> None:
    names = ["x" * 100, "x" * 99, "anna 203.0.113.1", "anna/203.0.113.1", "ä", ""]
    for name in names:
        answers = [await attempt(app, "wrong", name=name) for _ in range(10)]
        assert {answer.status_code for answer in answers} == {401}, name[:20]


async def test_signing_in_is_an_attempt_and_refreshing_is_none(app: Api) -> None:
    client = client_at(app)
    assert (await register(client)).status_code == 201
    tokens = (await sign_in(client)).json()
    for _ in range(10):
        assert (await sign_in(client, password=f"{PASSWORD} no")).status_code == 400
    for username in (EMAIL, EMAIL.upper()):
        refused = await sign_in(client, username=username)
        assert refused.status_code == 429
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["type"] == "/errors/rate-limited"
    for _ in range(20):
        refreshed = await refresh(client, tokens)
        assert refreshed.status_code == 200
        tokens = refreshed.json()


async def test_an_account_that_does_not_exist_is_limited_alike(app: Api) -> None:
    client = client_at(app)
    answers = [await sign_in(client, username="nobody@example.com") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]


async def test_giving_the_current_password_is_an_attempt_at_the_same_account(app: Api) -> None:
    anna = await account(app, email=EMAIL)
    client = client_at(app, **anna.headers)
    change = {"email": "other@example.com", "current_password": f"{PASSWORD} no"}
    for _ in range(10):
        assert (await client.patch("/api/users/me", json=change)).status_code == 403
    refused = await client.patch("/api/users/me", json={**change, "current_password": PASSWORD})
    assert refused.status_code == 429
    assert (await sign_in(client)).status_code == 429
    assert (await client.get("/api/users/me")).status_code == 200
    elsewhere = client_at(app, "203.0.113.2", **anna.headers)
    changed = await elsewhere.patch("/api/users/me", json={**change, "current_password": PASSWORD})
    assert changed.status_code == 200


async def test_without_a_limit_on_logins_there_is_none_on_accounts(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, LOGIN_RATE_LIMIT="off"))
    add_lodge(app)
    async with app:
        assert await statuses(app, "wrong", 50, address="203.0.113.1") == [401] * 50
