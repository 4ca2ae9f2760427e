"""The clock of a running server is set by an hour, forward and back."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from limits import parse

from api.limiting.redis_windows import SharedWindows
from tests.clock import Clock, needs_clock
from tests.gizmos import gizmo_input
from tests.live import HUNG
from tests.processes import ROOT, started
from tests.redis import Server
from tests.sign_in import USED_UP, assert_refused, refresh, register, sign_in, status_with
from tests.sqlite import migrated_database

pytestmark = needs_clock
HOUR = timedelta(hours=1)
SETTINGS = {
    "SECRET_KEY": "a key for tests, of 32 bytes or more",
    "REGISTRATION_RATE_LIMIT": "3/hour",
    "PORT": "0",
}


@contextmanager
def service(folder: Path, url: str) -> Iterator[tuple[Clock, str]]:
    """A server's clock, and its address."""
    clock = Clock(folder)
    environ = {**SETTINGS, "DATABASE_URL": url, **clock.environ}
    with started(folder, "tests.asgi", **environ) as address:
        yield clock, address


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Clock, str]]:
    folder = tmp_path_factory.mktemp("clock")
    with service(folder, migrated_database(folder)) as found:
        yield found


@pytest.fixture
def clock(served: tuple[Clock, str]) -> Iterator[Clock]:
    yield served[0]
    served[0].set(0)


@pytest.fixture
async def api(served: tuple[Clock, str]) -> Any:
    async with httpx.AsyncClient(base_url=served[1], timeout=HUNG) as client:
        yield client


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_items_keep_their_order(clock: Clock, api: httpx.AsyncClient) -> None:
    body = gizmo_input(tags=["order"])
    response = await api.post("/api/gizmos", json=body)
    path, versions = response.headers["Location"], [response.json()]
    for hours in (1, 0, -1, 0):
        clock.set(hours)
        created = (await api.post("/api/gizmos", json=body)).json()
        away = moment(created["created_at"]) - datetime.now(UTC) - hours * HOUR
        assert abs(away) < HOUR / 2, "another time had an effect on this one"
        versions.append((await api.patch(path, json={"quantity": 3})).json())
    clock.stop("2026-01-01 12:00:00")
    for _ in range(3):
        await api.post("/api/gizmos", json=body)
    query = {"q": "first", "tag": "order"}
    listed = (await api.get("/api/gizmos", params=query)).json()["gizmos"]
    assert [gizmo["version"] for gizmo in versions] == [1, 2, 3, 4, 5]
    times = [moment(gizmo["updated_at"]) for gizmo in versions]
    assert times == sorted(set(times))
    created_at = [gizmo["created_at"] for gizmo in listed]
    assert len(set(created_at)) == 8
    assert created_at == sorted(created_at, reverse=True)


async def test_a_poller_finds_every_change(
    tmp_path: Path, database_url: str, long_form: bool
) -> None:
    """The one in docs/listing.md, while several clients write."""
    page = (ROOT / "docs" / "listing.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(code.replace("items", "gizmos"), namespace)
    acknowledged: dict[str, int] = {}

    async def write(api: httpx.AsyncClient) -> None:
        while not ended.is_set():
            response = await api.post("/api/gizmos", json=gizmo_input())
            while response.is_success and not ended.is_set():
                gizmo = response.json()
                acknowledged[gizmo["id"]] = gizmo["version"]
                if gizmo["version"] == 3:
                    break
                response = await api.patch(f"/api/gizmos/{gizmo['id']}", json={"quantity": 9})

    ended = asyncio.Event()
    with (
        service(tmp_path, database_url) as (clock, address),
        httpx.Client(base_url=address, timeout=HUNG) as own,
    ):
        poller = namespace["Poller"](own)
        async with (
            httpx.AsyncClient(base_url=address, timeout=HUNG) as api,
            asyncio.TaskGroup() as clients,
        ):
            for _ in range(8 if long_form else 2):
                clients.create_task(write(api))
            for hours in (0, 1, 0, -1, 0) * (10 if long_form else 1):
                clock.set(hours)
                await asyncio.to_thread(lambda: list(poller.changes()))
            while len(acknowledged) <= 2:  # on a slow machine
                await asyncio.to_thread(lambda: list(poller.changes()))
            ended.set()
        await asyncio.to_thread(lambda: list(poller.changes()))
    missed = {id_ for id_, version in acknowledged.items() if poller.versions.get(id_, 0) < version}
    assert missed == set()
    assert len(acknowledged) > 2


async def test_a_session_continues_after_the_clock_changed(
    clock: Clock, api: httpx.AsyncClient
) -> None:
    await register(api)
    pair = (await sign_in(api)).json()
    for hours in (1, 0):
        # An hour later its access token has expired; an hour earlier it is not yet valid.
        clock.set(hours)
        assert await status_with(api, pair) == 401
        pair = (await refresh(api, pair)).json()
        assert await status_with(api, pair) == 200


async def test_a_used_refresh_token_has_no_second_chance_an_hour_earlier(
    clock: Clock, api: httpx.AsyncClient
) -> None:
    await register(api)
    pair = (await sign_in(api)).json()
    await refresh(api, pair)
    clock.set(-1)
    assert_refused(await refresh(api, pair), "invalid_grant", USED_UP)


async def test_a_used_up_limit_stays_so_after_the_clock_changed(
    clock: Clock, api: httpx.AsyncClient
) -> None:
    status = 0
    while status != 429:
        response = await register(api, email="bob@example.com")
        status = response.status_code
    for hours in (1, -1, 0):
        clock.set(hours)
        response = await register(api, email="bob@example.com")
        assert response.status_code == 429
        assert 0 < int(response.headers["Retry-After"]) <= 3600


async def test_a_shared_limit_recovers_after_the_clock_was_set_back(
    tmp_path: Path,
) -> None:
    clock, limit = Clock(tmp_path), parse("2/minute")
    clock.set(1)
    redis = Server(tmp_path, clock.environ)
    windows = SharedWindows(redis.url, deadline=HUNG)
    assert [(await windows.hit(limit, "ada")).allowed for _ in range(3)] == [True, True, False]
    clock.set(0)
    hits = [await windows.hit(limit, "ada") for _ in range(3)]
    assert [hit.allowed for hit in hits] == [True, True, False]
    assert 0 < hits[-1].wait <= 60
    clock.set(1)
    assert (await windows.hit(limit, "ada")).allowed
    await windows.close()
    redis.stop()


async def test_an_idempotency_key_has_its_answer(clock: Clock, api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await api.post("/api/gizmos", json=gizmo_input(), headers=headers)
    for hours in (1, -1, 0):
        clock.set(hours)
        again = await api.post("/api/gizmos", json=gizmo_input(), headers=headers)
        assert (again.status_code, again.json()) == (201, first.json())
    clock.set(25)
    again = await api.post("/api/gizmos", json=gizmo_input(), headers=headers)
    assert again.json()["id"] != first.json()["id"]


async def test_a_cursor_leads_on(clock: Clock, api: httpx.AsyncClient) -> None:
    body = gizmo_input(tags=["cursor"])
    created = [(await api.post("/api/gizmos", json=body)).json() for _ in range(3)]
    query: dict[str, Any] = {"limit": 1, "tag": "cursor"}
    seen = []
    for hours in (0, 1, -1):
        clock.set(hours)
        page = (await api.get("/api/gizmos", params=query)).json()
        seen += page["gizmos"]
        query["cursor"] = page["next_cursor"]
    assert seen == created[::-1]
    assert query["cursor"] is None
