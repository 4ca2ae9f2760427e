"""Health and readiness, with a database that comes and goes."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, text

from api import create_app
from api.limiting.rate_limits import RateLimits
from api.observability.readiness import Readiness
from api.runtime.async_flask import AsyncFlask
from storage import Database
from tests.conftest import bridged
from tests.factory import settings_for
from tests.statements import statements
from tests.storage.units import execute


@pytest.mark.no_database
async def test_health_returns_the_time(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/health")
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"status", "timestamp"}
    assert body["status"] == "ok"
    told = datetime.fromisoformat(body["timestamp"])
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=1)


async def test_is_ready_with_a_database_that_is_up_to_date(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/ready")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok"},
    }


async def test_is_not_ready_if_a_migration_is_missing(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    app.services[Readiness].keep = 0
    await client.get("/api/ready")
    await app.services[Database].write(execute, "DELETE FROM alembic_version")
    response = await client.get("/api/ready")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert response.json()["type"] == "/errors/not-ready"
    assert response.json()["checks"] == {"database": "ok", "migrations": "behind"}


async def test_is_not_ready_with_a_database_from_the_future(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    def migrate_later(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))

    app.services[Readiness].keep = 0
    await client.get("/api/ready")
    await app.services[Database].write(migrate_later)
    response = await client.get("/api/ready")
    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "ok", "migrations": "ahead"}


async def test_concurrent_readiness_requests_share_one_check(
    app: AsyncFlask, client: httpx.AsyncClient
) -> None:
    now = [0.0]
    app.services[Readiness] = Readiness(
        app.services[Database], app.services[RateLimits].available, clock=lambda: now[0]
    )
    await app.services[Readiness].checks()  # which brings the database up to date first
    for second, reads in ((1.0, 1), (1.5, 0), (2.0, 1)):
        now[0] = second
        with statements() as seen:
            answers = await asyncio.gather(*(client.get("/api/ready") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert sum("FROM alembic_version" in found.text for found in seen) == reads


async def test_a_cancelled_readiness_check_does_not_cancel_the_others(app: AsyncFlask) -> None:
    first, second = (asyncio.ensure_future(app.services[Readiness].checks()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == {"database": "ok", "migrations": "ok"}
    assert first.cancelled()


async def test_health_needs_no_database(tmp_path: Path) -> None:
    (tmp_path / "api.db").write_bytes(b"This is no SQLite database at all." * 100)
    app = create_app(settings_for(tmp_path))
    transport = httpx.ASGITransport(bridged(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        ready = await client.get("/api/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {"database": "unavailable", "migrations": "unavailable"}
        gizmos = await client.get("/api/gizmos")
        assert gizmos.status_code == 503
        assert gizmos.json()["type"] == "/errors/database-unavailable"
        assert (await client.get("/api/health")).status_code == 200
    await app.close()
