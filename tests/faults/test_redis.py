"""Redis stands still, goes away, is full, and comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis

from api import create_app
from api.config.settings import Settings
from api.limiting import redis_batches
from api.observability.readiness import Readiness
from api.runtime.async_flask import AsyncFlask
from tests.factory import settings_for
from tests.forwarder import Forwarder
from tests.limited_app import (
    LOGIN,
    PUBLIC,
    REGISTRATION,
    add_limited_operations,
    app_on_redis,
    client_at,
)
from tests.live import HUNG
from tests.redis import Server, connections_to

GUEST = {"account": "anna", "password": "open"}
AT_ONCE = 100
READY = {"database": "ok", "migrations": "ok"}


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that no other test uses."""
    server = Server(tmp_path_factory.mktemp("own-redis"))
    yield server
    server.stop()


@pytest.fixture
def settings(tmp_path: Path, redis_server: Server, redis: Redis) -> Settings:
    return settings_for(tmp_path, REDIS_URL=redis_server.url, RATE_LIMIT="1000/hour")


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[AsyncFlask]:
    async with app_on_redis(settings) as app:
        yield app


@pytest.fixture
def client(app: AsyncFlask) -> httpx.AsyncClient:
    return client_at(app)


async def statuses(client: httpx.AsyncClient, times: int) -> list[int]:
    answers = await asyncio.gather(*(client.get(PUBLIC) for _ in range(times)))
    return [answer.status_code for answer in answers]


def assert_refused(response: httpx.Response) -> None:
    """As what can't be counted is."""
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == "/errors/limits-unavailable"
    assert body["detail"] == "Attempts can't be counted at the moment, so they are refused."


async def until_it_is_back(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(HUNG):
        while (await client.post(LOGIN, json=GUEST)).status_code == 503:  # noqa: ASYNC110  # no event says it
            await asyncio.sleep(0)  # which a request without a socket does not


@pytest.mark.parametrize("at_once", [1, AT_ONCE])
async def test_only_the_first_request_waits_for_an_unresponsive_redis(
    redis_server: Server, settings: Settings, at_once: int
) -> None:
    """Who gives up waiting gives up the connection too: the next to wait would make another."""
    async with app_on_redis(settings, pause=3600) as app, client_at(app) as client:
        assert await statuses(client, 1) == [204]
        before = redis_server.connections()
        with redis_server.paused_for(app):
            for _ in range(10):
                assert await statuses(client, at_once) == [204] * at_once
        assert redis_server.connections() == before + 1  # that of this question


async def test_one_probe_at_a_time_asks_an_unresponsive_redis(
    app: AsyncFlask, redis_server: Server, client: httpx.AsyncClient
) -> None:
    with redis_server.paused_for(app):
        others = asyncio.all_tasks()
        for _ in range(5):
            assert await statuses(client, 20) == [204] * 20
            # The one that asks, and what it waits for.
            assert len(asyncio.all_tasks() - others) <= 2


async def test_each_process_limits_alone_meanwhile_and_all_together_afterwards(
    tmp_path: Path, redis_server: Server, redis: Redis
) -> None:
    settings = settings_for(tmp_path, REDIS_URL=redis_server.url, RATE_LIMIT="10/hour")
    async with app_on_redis(settings) as app, client_at(app) as client:
        assert await statuses(client, 3) == [204] * 3
        with redis_server.paused_for(app):
            assert await statuses(client, 1) == [204]
            assert sorted(await statuses(client, 12)) == [204] * 9 + [429] * 3
        await until_it_is_back(client)
        # The one that Redis was sent and had no time for may have been counted since.
        assert (await statuses(client, 12)).count(204) in {6, 7}


async def test_sign_in_and_registration_are_refused_without_redis(
    settings: Settings, redis_server: Server
) -> None:
    app = create_app(settings)
    checked = add_limited_operations(app)
    async with app, client_at(app) as client:
        with redis_server.paused():
            for path in (LOGIN, REGISTRATION, LOGIN):
                assert_refused(await client.post(path, json=GUEST))
            assert (await client.get("/api/health")).status_code == 200
    assert checked == []


async def test_readiness_reports_missing_redis_and_stays_200(
    app: AsyncFlask, redis_server: Server, client: httpx.AsyncClient
) -> None:
    app.services[Readiness].keep = 0

    async def ready() -> tuple[int, object]:
        response = await client.get("/api/ready")
        return response.status_code, response.json()

    def expected(redis: str) -> tuple[int, object]:
        return 200, {"status": "ok", "checks": {**READY, "redis": redis}}

    assert await ready() == expected("ok")
    with redis_server.paused_for(app):
        assert await ready() == expected("unavailable")
    assert await ready() == expected("ok")
    assert (await client.post(LOGIN, json=GUEST)).status_code == 204


async def test_the_log_reports_the_outage_once_and_the_recovery_once(
    logged: Callable[[], str], redis_server: Server, settings: Settings
) -> None:
    async with app_on_redis(settings) as app, client_at(app) as client:
        for _ in range(2):
            with redis_server.paused_for(app):
                for _ in range(3):
                    assert await statuses(client, 30) == [204] * 30
            await until_it_is_back(client)
            log = logged()
            assert log.count("redis_is_away") == 1
            assert log.count("redis_is_back") == 1


async def test_a_restart_between_two_requests_causes_no_error(
    redis_server: Server, client: httpx.AsyncClient
) -> None:
    assert (await client.post(LOGIN, json=GUEST)).status_code == 204
    with redis_server.away():
        pass
    assert (await client.post(LOGIN, json=GUEST)).status_code == 204


async def test_the_service_starts_without_redis(redis_server: Server, settings: Settings) -> None:
    with redis_server.away():
        app = await app_on_redis(settings).__aenter__()
        client = client_at(app)
        assert await statuses(client, 1) == [204]
        assert_refused(await client.post(LOGIN, json=GUEST))
    await until_it_is_back(client)
    await app.close()


async def test_a_redis_that_cannot_write_counts_as_unavailable(
    redis: Redis, client: httpx.AsyncClient
) -> None:
    redis.config_set("maxmemory", 1)
    try:
        assert await statuses(client, 3) == [204] * 3
        assert_refused(await client.post(LOGIN, json=GUEST))
        ready = await client.get("/api/ready")
        assert ready.json()["checks"] == {**READY, "redis": "unavailable"}
    finally:
        redis.config_set("maxmemory", 0)
    await until_it_is_back(client)


async def test_limits_are_shared_again_after_redis_was_paused(
    app: AsyncFlask, redis_server: Server, redis: Redis, client: httpx.AsyncClient
) -> None:
    for _ in range(3):
        with redis_server.paused_for(app):
            await statuses(client, AT_ONCE)
        await until_it_is_back(client)
        answers = [client.post(REGISTRATION) for _ in range(AT_ONCE)]
        assert {answer.status_code for answer in await asyncio.gather(*answers)} == {204}
    assert connections_to(redis) <= 3


async def test_clients_that_leave_take_nothing_along(
    app: AsyncFlask, redis_server: Server, client: httpx.AsyncClient
) -> None:
    with redis_server.paused_for(app):
        leaving = [asyncio.ensure_future(client.post(REGISTRATION)) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
        for request in leaving:
            request.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
    await until_it_is_back(client)
    answers = [client.post(REGISTRATION) for _ in range(AT_ONCE)]
    assert {answer.status_code for answer in await asyncio.gather(*answers)} == {204}


async def test_the_password_of_redis_is_not_logged(
    logged: Callable[[], str], tmp_path: Path, redis_server: Server
) -> None:
    url = redis_server.url.replace("unix://", "unix://:not-for-the-log@")
    async with (
        app_on_redis(settings_for(tmp_path, REDIS_URL=url)) as app,
        client_at(app) as client,
    ):
        assert_refused(await client.post(LOGIN, json=GUEST))
    log = logged()
    assert "redis_is_away" in log
    assert "not-for-the-log" not in log


async def test_a_connection_is_replaced_at_its_maximum_age(
    tmp_path: Path, redis_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address may lead elsewhere by then, though the old server still answers."""
    new = Server(tmp_path)
    async with Forwarder(redis_server.path) as address:
        settings = settings_for(tmp_path, REDIS_URL=f"redis://127.0.0.1:{address.port}")
        async with app_on_redis(settings) as app, client_at(app) as client:
            assert (await client.post(LOGIN, json=GUEST)).status_code == 204
            address.target = new.path
            assert (await client.post(LOGIN, json=GUEST)).status_code == 204
            with Redis.from_url(new.url) as counts:
                assert counts.dbsize() == 0
                monkeypatch.setattr(redis_batches, "MAX_AGE", 0)
                assert (await client.post(LOGIN, json=GUEST)).status_code == 204
                assert counts.dbsize() > 0
    new.stop()


async def test_after_a_failover_it_is_the_new_primary_that_counts(
    tmp_path: Path, redis_server: Server, redis: Redis
) -> None:
    """The old one has become a replica; its connections live on, and its address moves."""
    new = Server(tmp_path)
    async with Forwarder(redis_server.path) as address:
        settings = settings_for(tmp_path, REDIS_URL=f"redis://127.0.0.1:{address.port}")
        async with app_on_redis(settings, pause=0) as app, client_at(app) as client:
            assert (await client.post(LOGIN, json=GUEST)).status_code == 204
            redis.replicaof("127.0.0.1", "1")
            try:
                assert_refused(await client.post(LOGIN, json=GUEST))
                ready = await client.get("/api/ready")
                assert ready.json()["checks"] == {**READY, "redis": "unavailable"}
                address.target = new.path
                await until_it_is_back(client)
                with Redis.from_url(new.url) as counts:
                    assert counts.dbsize() > 0
            finally:
                redis.replicaof("NO", "ONE")
    new.stop()
