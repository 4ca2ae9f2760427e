"""What failed sign-ins reveal to the client, and what they log."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, event

from api import create_app
from api.identity.passwords import Passwords
from api.observability.log import PACKAGES
from api.runtime.async_flask import AsyncFlask
from storage import Database
from tests.api.test_auth import close_account, set_hash
from tests.conftest import bridged
from tests.factory import PASSWORD, settings_for
from tests.live import served
from tests.serving.wire import Http2
from tests.sign_in import WRONG, assert_refused, refresh, register, sign_in, sign_out

NOBODY = "nobody@example.com"


class Counting(PasswordHasher):
    """Counts what it is asked; of `held` verifications each waits to be released."""

    def __init__(self) -> None:
        super().__init__(memory_cost=8, time_cost=1, parallelism=1)
        self.hashed = self.verified = 0
        self.reached, self.released = threading.Event(), threading.Event()
        self.released.set()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.hashed += 1
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  # as there
        self.verified += 1
        self.reached.set()
        assert self.released.wait(60)
        return super().verify(hash, password)


@pytest.fixture
async def hasher(app: AsyncFlask) -> Counting:
    hasher = Counting()
    await app.services[Passwords].close()
    app.services[Passwords] = Passwords(hasher)
    return hasher


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement that is sent to a database, as it is sent."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


async def test_every_failed_sign_in_costs_the_same_and_has_the_same_response(
    app: AsyncFlask, client: httpx.AsyncClient, hasher: Counting, statements: list[str]
) -> None:
    await register(client)
    await register(client, email="closed@example.com")
    await app.services[Database].write(close_account)
    await register(client, email="grace@example.com")
    costs, answers = [], []
    for username, password in [
        (NOBODY, PASSWORD),
        ("grace@example.com", f"not {PASSWORD}"),
        ("closed@example.com", PASSWORD),
        ("closed@example.com", f"not {PASSWORD}"),
        ("no address \U0001f600", "x"),
    ]:
        statements.clear()
        hasher.verified = hasher.hashed = 0
        response = await sign_in(client, username=username, password=password)
        assert_refused(response, "invalid_grant", WRONG)
        costs.append((tuple(statements), hasher.verified, hasher.hashed))
        answers.append({**response.json(), "request_id": ""})
    assert costs == [costs[0]] * 5
    assert costs[0][1:] == (1, 0)
    assert len([s for s in costs[0][0] if s.startswith("SELECT")]) == 1
    assert answers == [answers[0]] * 5


async def test_registering_a_taken_address_costs_what_a_free_one_costs(
    client: httpx.AsyncClient, hasher: Counting, statements: list[str]
) -> None:
    costs = []
    await register(client, email=NOBODY)
    for status in (201, 409):
        statements.clear()
        hasher.hashed = 0
        assert (await register(client)).status_code == status
        costs.append((len([s for s in statements if "INSERT" in s]), hasher.hashed))
    assert costs == [(1, 1), (1, 1)]


async def test_an_account_that_is_closed_meanwhile_gets_no_session(
    app: AsyncFlask, client: httpx.AsyncClient, hasher: Counting
) -> None:
    await register(client)
    hasher.released.clear()
    signing_in = asyncio.ensure_future(sign_in(client))
    await asyncio.to_thread(hasher.reached.wait)
    await app.services[Database].write(close_account)
    hasher.released.set()
    assert_refused(await signing_in, "invalid_grant", WRONG)


async def test_others_are_served_while_a_password_is_verified(
    client: httpx.AsyncClient, hasher: Counting
) -> None:
    await register(client)
    hasher.released.clear()
    signing_in = asyncio.ensure_future(sign_in(client))
    await asyncio.to_thread(hasher.reached.wait)
    assert (await client.get("/api/gizmos")).status_code == 200
    assert not signing_in.done()
    hasher.released.set()
    assert (await signing_in).status_code == 200


async def test_the_log_records_changes_of_an_account(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    user_id = (await register(client)).json()["id"]
    await sign_in(client, username=NOBODY)
    await sign_in(client, password=f"not {PASSWORD}")
    pair = (await sign_in(client)).json()
    following = (await refresh(client, pair)).json()
    latest = (await refresh(client, following)).json()
    await refresh(client, pair)
    await refresh(client, latest)
    another = (await sign_in(client)).json()
    await sign_out(client, another["access_token"])
    await sign_out(client, another["access_token"])
    lines = [cast(dict[str, Any], r.msg) for r in caplog.records if r.name == "audit"]
    assert [(line["event"], line["user_id"]) for line in lines] == [
        ("user_registered", user_id),
        ("login_failed", None),
        ("login_failed", user_id),
        ("login_succeeded", user_id),
        ("refresh_token_reused", user_id),
        ("login_succeeded", user_id),
        ("logged_out", user_id),
    ]
    for line in lines:
        assert line["address"] == "127.0.0.1"
        assert line["request_id"]
        assert line["level"] == "info"


@pytest.fixture
def quiet_again() -> Iterator[None]:
    """What the test runner and the client log at a test's level, they don't at the next one's."""
    loggers = [logging.getLogger(name) for name in (None, *PACKAGES, "httpx")]
    levels = [logger.level for logger in loggers]
    loggers[-1].setLevel(logging.WARNING)  # it logs addresses, which the server doesn't
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("quiet_again")
@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_no_log_level_shows_a_secret(
    tmp_path: Path, log_faults: list[str], logged: Callable[[], str], log_format: str
) -> None:
    app = create_app(settings_for(tmp_path, LOG_LEVEL="DEBUG", LOG_FORMAT=log_format))
    transport = httpx.ASGITransport(bridged(app), raise_app_exceptions=False)
    async with app, httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        logged()
        await register(client)
        await sign_in(client, username=PASSWORD)
        pair = (await sign_in(client)).json()
        await client.get("/api/gizmos", headers={"Authorization": f"Basic {PASSWORD}"})
        await client.get("/api/gizmos", headers={"Authorization": f"Bearer {pair['access_token']}"})
        await client.get(f"/api/auth/{pair['refresh_token']}")
        await refresh(client, pair)
        await refresh(client, pair)
        async with served(bridged(app)) as address, Http2.connect(address) as over_http2:
            token = ("authorization", f"Bearer {pair['access_token']}")
            me = await over_http2.answer(await over_http2.open("GET /api/users/me", token))
            assert me.status == 200
        await app.services[Database].write(set_hash, f"{PASSWORD}: no hash")
        assert (await sign_in(client)).status_code == 500
    log = logged()
    assert log.count("unhandled_exception") == 1
    assert "login_succeeded" in log
    assert log_faults == []
    assert PASSWORD not in log


async def test_audit_events_are_logged_at_every_level(
    tmp_path: Path, logged: Callable[[], str]
) -> None:
    app = create_app(settings_for(tmp_path, LOG_LEVEL="ERROR"))
    transport = httpx.ASGITransport(bridged(app))
    async with app, httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        logged()
        await sign_in(client)
    [line] = logged().splitlines()
    assert "login_failed" in line
