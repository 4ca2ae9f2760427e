"""The limits on attempts at a password, under which the owner can still sign in."""

import asyncio
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from api import create_app
from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from tests.factory import PASSWORD, settings_for
from tests.limited_app import LOGIN, add_limited_operations, client_at
from tests.sign_in import EMAIL, refresh, register, sign_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.fixture
def checked(app: AsyncFlask) -> list[str]:
    """The accounts whose passwords have been looked at."""
    return add_limited_operations(app)


async def attempt(
    app: AsyncFlask,
    password: str,
    *,
    name: str = "anna",
    address: str = "203.0.113.1",
    known: bool = False,
) -> httpx.Response:
    body = {"account": name, "password": password, "known": known}
    return await client_at(app, address).post(LOGIN, json=body)


async def statuses(
    app: AsyncFlask, password: str, times: int, *, address: str, known: bool = False
) -> list[int]:
    return [
        (await attempt(app, password, address=address, known=known)).status_code
        for _ in range(times)
    ]


async def use_up(app: AsyncFlask, checked: list[str]) -> list[str]:
    """Try wrong passwords from one address after another until none is looked at any more; give
    those addresses."""
    addresses = [f"198.51.100.{number}" for number in range(1, 21)]
    for address in addresses:
        await statuses(app, "wrong", 11, address=address)
    assert len(checked) == 50 + 100
    return addresses


async def test_ten_wrong_ones_from_an_address_are_looked_at(
    app: AsyncFlask, checked: list[str]
) -> None:
    assert await statuses(app, "wrong", 10, address="203.0.113.1") == [401] * 10
    refused = await attempt(app, "open")
    assert refused.status_code == 429
    wait = refused.headers["Retry-After"]
    assert 0 < int(wait) <= 900
    assert refused.headers["RateLimit-Policy"] == '"login";q=1000000;w=1'
    assert refused.json()["type"] == "/errors/rate-limited"
    assert refused.json()["detail"] == f"Too many requests: try again in {wait} s."
    assert checked == ["anna"] * 10


async def test_those_that_come_at_once_are_no_more(app: AsyncFlask, checked: list[str]) -> None:
    answers = await asyncio.gather(*(attempt(app, "wrong") for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [401] * 10 + [429] * 40
    assert len(checked) == 10


async def test_other_accounts_and_other_addresses_are_not_affected(
    app: AsyncFlask, checked: list[str]
) -> None:
    assert await statuses(app, "wrong", 11, address="203.0.113.1") == [401] * 10 + [429]
    assert (await attempt(app, "open", name="bert")).status_code == 204
    assert (await attempt(app, "open", address="203.0.113.2")).status_code == 204


async def test_a_right_one_begins_anew(app: AsyncFlask, checked: list[str]) -> None:
    for _ in range(3):
        assert await statuses(app, "wrong", 9, address="203.0.113.1") == [401] * 9
        assert await statuses(app, "open", 1, address="203.0.113.1") == [204]


async def test_successful_sign_ins_are_not_limited(app: AsyncFlask, checked: list[str]) -> None:
    assert await statuses(app, "open", 200, address="203.0.113.1") == [204] * 200


async def test_all_addresses_together_get_no_more_than_a_hundred_and_fifty(
    app: AsyncFlask, checked: list[str]
) -> None:
    [*_, last] = await use_up(app, checked)
    assert (await attempt(app, "open", address=last)).status_code == 429
    refused = await attempt(app, "open", address="192.0.2.1")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 3600


async def test_the_first_ones_are_looked_at_when_the_hundred_are_used_up(
    app: AsyncFlask, checked: list[str]
) -> None:
    for number in range(1, 16):  # 3 first ones each, and 7 of the hundred
        await statuses(app, "wrong", 10, address=f"198.51.100.{number}")
    assert len(checked) == 15 * 3 + 100
    assert await statuses(app, "open", 5, address="203.0.113.1") == [204] * 5


async def test_the_owner_gets_in_from_where_they_are_signed_in_while_it_is_attacked(
    app: AsyncFlask, checked: list[str]
) -> None:
    await use_up(app, checked)
    for number in range(1, 20):
        address = f"203.0.113.{number}"
        assert await statuses(app, "wrong", 2, address=address, known=True) == [401, 401]
        assert await statuses(app, "open", 5, address=address, known=True) == [204] * 5
    assert await statuses(app, "open", 1, address="203.0.113.1") == [429]


async def test_a_known_network_has_thirty_a_day(app: AsyncFlask, checked: list[str]) -> None:
    await use_up(app, checked)
    before = len(checked)
    for number in range(5):
        address = f"2001:db8:1:{number}::1"
        await statuses(app, "wrong", 10, address=address, known=True)
    assert len(checked) == before + 30


@pytest.mark.parametrize(
    ("networks", "most"),
    [
        ([f"2001:db8:1:{number:x}::1" for number in range(20)], 3),
        ([f"2001:db8:{number:x}::1" for number in range(20)], 12),
        ([f"2001:db8:{number:x}00::1" for number in range(20)], 24),
        ([f"2001:{number:x}::1" for number in range(0xDB8, 0xDD0)], 50),
    ],
    ids=["/48", "/40", "/32", "all"],
)
async def test_each_width_of_network_has_first_attempts_of_its_own(
    app: AsyncFlask, checked: list[str], networks: list[str], most: int
) -> None:
    """The rest is of the hundred, which come to an end."""
    for address in networks:
        await statuses(app, "wrong", 10, address=address)
    assert len(checked) == most + 100


async def test_one_address_can_not_try_many_accounts(app: AsyncFlask, checked: list[str]) -> None:
    answers = [await attempt(app, "wrong", name=f"user-{number}") for number in range(150)]
    assert [answer.status_code for answer in answers] == [401] * 100 + [429] * 50
    assert len(checked) == 100
    assert (await attempt(app, "open", name="bert")).status_code == 429
    assert (await attempt(app, "open", name="bert", known=True)).status_code == 204
    assert (await attempt(app, "open", name="bert", address="203.0.113.2")).status_code == 204


async def test_nor_can_the_networks_of_one_customer(app: AsyncFlask, checked: list[str]) -> None:
    for number in range(300):
        address = f"2001:db8:1:{number:x}::1"
        await attempt(app, "wrong", name=f"user-{number}", address=address)
    assert len(checked) == 200


async def test_successful_sign_ins_do_not_use_up_their_address(
    app: AsyncFlask, checked: list[str]
) -> None:
    for number in range(150):
        assert (await attempt(app, "open", name=f"user-{number}")).status_code == 204


async def test_sign_ins_of_the_owner_give_an_attacker_no_more_attempts(
    app: AsyncFlask, checked: list[str]
) -> None:
    attackers = await use_up(app, checked)
    assert await statuses(app, "open", 20, address="203.0.113.1", known=True) == [204] * 20
    for address in attackers:
        assert await statuses(app, "wrong", 1, address=address) == [429]


async def test_unusual_account_names_are_counted_separately(
    app: AsyncFlask, checked: list[str]
) -> None:
    names = ["x" * 100, "x" * 99, "anna 203.0.113.1", "anna/203.0.113.1", "ä", ""]
    for name in names:
        answers = [await attempt(app, "wrong", name=name) for _ in range(10)]
        assert {answer.status_code for answer in answers} == {401}, name[:20]


async def test_signing_in_counts_as_an_attempt_and_refreshing_does_not(app: AsyncFlask) -> None:
    client = client_at(app)
    assert (await register(client)).status_code == 201
    tokens = (await sign_in(client)).json()
    for _ in range(10):
        assert (await sign_in(client, password=f"{PASSWORD} no")).status_code == 400
    for username in (EMAIL, EMAIL.upper()):
        refused = await sign_in(client, username=username)
        assert refused.status_code == 429
        assert refused.headers["Content-Type"] == "application/json"
        assert refused.json()["type"] == "/errors/rate-limited"
    for _ in range(20):
        refreshed = await refresh(client, tokens)
        assert refreshed.status_code == 200
        tokens = refreshed.json()


async def test_an_account_that_does_not_exist_is_limited_alike(app: AsyncFlask) -> None:
    client = client_at(app)
    answers = [await sign_in(client, username="nobody@example.com") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]


async def test_a_sign_in_knows_the_networks_of_open_sessions(app: AsyncFlask) -> None:
    """Elsewhere all is used up."""
    here, there = client_at(app, "203.0.113.1"), client_at(app, "203.0.113.2")
    assert (await register(here)).status_code == 201
    tokens = (await sign_in(here)).json()
    for number in range(1, 21):
        attacker = client_at(app, f"198.51.100.{number}")
        for _ in range(8):
            assert (await sign_in(attacker, password=f"{PASSWORD} no")).status_code in {400, 429}
    assert [(await sign_in(client)).status_code for client in (here, there)] == [200, 429]
    assert (await refresh(there, tokens)).status_code == 200
    assert (await sign_in(there)).status_code == 200


async def test_without_a_login_limit_accounts_have_no_limit(tmp_path: Path) -> None:
    app = create_app(settings_for(tmp_path, LOGIN_RATE_LIMIT="off"))
    add_limited_operations(app)
    async with app:
        assert await statuses(app, "wrong", 50, address="203.0.113.1") == [401] * 50


async def test_an_attempt_too_many_is_in_the_log(
    app: AsyncFlask, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_at(app)
    user_id = (await register(client)).json()["id"]
    for name in (EMAIL, "nobody@example.com"):
        for _ in range(11):
            await sign_in(client, username=name, password=f"{PASSWORD} no")
    lines = [cast(dict[str, Any], r.msg) for r in caplog.records if r.name == "audit"]
    limited = [line["user_id"] for line in lines if line["event"] == "attempt_limited"]
    assert limited == [user_id, None]
