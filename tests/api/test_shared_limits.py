"""Limits that several processes keep together, in a Redis that is well."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from redis import Redis

from api.config.settings import Settings
from api.limiting.rate_limits import RateLimits
from api.runtime.async_flask import AsyncFlask
from tests.factory import settings_for
from tests.limited_app import LOGIN, PUBLIC, REGISTRATION, app_on_redis, client_at
from tests.live import HUNG
from tests.processes import started
from tests.redis import Server, connections_to

RIGHT = {"account": "anna", "password": "open"}
WRONG = {"account": "anna", "password": "wrong"}


@pytest.fixture
def settings(tmp_path: Path, redis_server: Server, redis: Redis) -> Settings:
    return settings_for(tmp_path, REDIS_URL=redis_server.url, RATE_LIMIT="10/hour")


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[AsyncFlask]:
    async with app_on_redis(settings) as app:
        yield app


@pytest.fixture
def client(app: AsyncFlask) -> httpx.AsyncClient:
    return client_at(app)


def keys_of(redis: Redis) -> list[bytes]:
    return sorted(redis.scan_iter())


async def test_two_processes_allow_together_what_one_would(
    tmp_path: Path, settings: Settings
) -> None:
    environ = {
        "PORT": "0",
        "REDIS_URL": settings.redis_url,
        "REDIS_TIMEOUT": "10000",  # the machine may be busy
        "RATE_LIMIT": "100/hour",
        "KEEP_ALIVE_TIMEOUT": "60",
    }
    (tmp_path / "other").mkdir()
    with (
        started(tmp_path, "tests.asgi", **environ) as one,
        started(tmp_path / "other", "tests.asgi", **environ) as other,
    ):
        limits = httpx.Limits(max_connections=16)
        async with httpx.AsyncClient(limits=limits, timeout=HUNG) as client:
            addresses = [f"{one}/api/gizmos", f"{other}/api/gizmos"] * 150
            answers = await asyncio.gather(*map(client.get, addresses))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429)) == (100, 200)


async def test_requests_without_an_operation_count_in_redis_too(client: httpx.AsyncClient) -> None:
    answers = [await client.get(path) for path in ("/nowhere", "/docs") * 6]
    assert [answer.status_code for answer in answers] == [404, 200] * 5 + [429] * 2


async def test_limit_headers_count_the_requests_of_all_processes(client: httpx.AsyncClient) -> None:
    answers = [await client.get(PUBLIC) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [204] * 10 + [429] * 2
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"general";q=10;w=3600'}
    for answer, left in zip(answers, [*range(9, -1, -1), 0, 0], strict=True):
        assert answer.headers["RateLimit"] in {
            f'"general";r={left};t={seconds}' for seconds in range(3600 - HUNG, 3601)
        }
    assert 3600 - HUNG <= int(answers[-1].headers["Retry-After"]) <= 3600


async def test_attempts_count_in_all_processes(
    settings: Settings, client: httpx.AsyncClient
) -> None:
    assert {(await client.post(LOGIN, json=WRONG)).status_code for _ in range(10)} == {401}
    async with app_on_redis(settings) as app, client_at(app) as other:
        assert (await other.post(LOGIN, json=RIGHT)).status_code == 429


async def test_a_right_password_is_forgotten_in_all_processes(
    redis: Redis, client: httpx.AsyncClient
) -> None:
    assert (await client.post(LOGIN, json=WRONG)).status_code == 401
    kept = keys_of(redis)
    names = [key.decode().split("/")[1] for key in kept]
    assert names == [
        "account-first-48",
        "account-first",
        "account-from-address",
        "failed-64",
        "login",
        "probe",
    ]
    assert (await client.post(LOGIN, json=RIGHT)).status_code == 204
    left = keys_of(redis)
    assert left == [kept[1], *kept[3:]]
    # The right one is given back, the wrong one stays counted.
    assert [redis.get(key) for key in left[:2]] == [b"1", b"1"]


async def test_keys_expire_and_contain_no_email_address(
    redis: Redis, client: httpx.AsyncClient
) -> None:
    await client.get(PUBLIC)
    await client.post(LOGIN, json=WRONG)
    kept = keys_of(redis)
    assert len(kept) == 7
    assert all(redis.pttl(key) > 0 for key in kept)  # type: ignore[operator]  # typed for both kinds of client
    assert not any(b"anna" in key or b"wrong" in key for key in kept)


async def test_hundreds_at_once_share_a_connection(redis: Redis, client: httpx.AsyncClient) -> None:
    for _ in range(3):
        answers = [client.post(REGISTRATION) for _ in range(300)]
        assert {answer.status_code for answer in await asyncio.gather(*answers)} == {204}
    assert connections_to(redis) <= 3


async def test_a_busy_process_is_not_taken_for_a_slow_redis(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    """The event loop stands still for longer than the deadline, while the answers arrive."""
    assert (await client.post(REGISTRATION)).status_code == 204
    shared = app.services[RateLimits].shared
    assert shared is not None
    shared.redis.deadline = 0.001
    answers = [asyncio.ensure_future(client.post(REGISTRATION)) for _ in range(100)]
    while not all(answer.done() for answer in answers):
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251  # the very thing
    assert {answer.result().status_code for answer in answers} == {204}


async def test_its_connections_end_with_the_application(settings: Settings, redis: Redis) -> None:
    before = connections_to(redis)
    async with app_on_redis(settings) as app, client_at(app) as client:
        assert (await client.get(PUBLIC)).status_code == 204
        assert connections_to(redis) > before
    assert connections_to(redis) == before
