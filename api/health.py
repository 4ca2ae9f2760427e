"""Whether the service runs (health) and whether it can work (ready)."""

from datetime import UTC, datetime
from typing import NamedTuple

from flask import Blueprint, request

from api.context import database
from api.contract import operation
from api.problems import NotReady
from schemas.health import Health, Readiness
from storage import DatabaseUnavailable, revisions

STOPPING = "serving.stopping"
"""Where an ASGI bridge leaves whether the server is about to stop."""

health = Blueprint("health", __name__, url_prefix="/api")


class HealthStatus(NamedTuple):
    status: str
    timestamp: datetime


class ReadinessStatus(NamedTuple):
    status: str
    checks: dict[str, str]


@health.get("/health")
@operation(returns=Health)
async def get_health() -> HealthStatus:
    """Say whether the process runs.

    Touches no dependency: for restarting what hangs. Whether to send traffic is
    `get_readiness`'s to say.
    """
    return HealthStatus("ok", datetime.now(UTC))


@health.get("/ready")
@operation(returns=Readiness, raises=[NotReady])
async def get_readiness() -> ReadinessStatus:
    """Say whether the service can work.

    Asks each dependency; 503 means that it should get no traffic now, but needs no restart. A
    server that is about to stop is not ready either.
    """
    checks = {"database": "ok", "migrations": "ok"}
    try:
        await database.read(revisions.check)
    except DatabaseUnavailable:
        checks = {"database": "unavailable", "migrations": "unavailable"}
    except revisions.DatabaseBehind:
        checks["migrations"] = "behind"
    except revisions.DatabaseAhead:
        checks["migrations"] = "ahead"
    if request.environ.get(STOPPING):
        checks["server"] = "stopping"
    if set(checks.values()) != {"ok"}:
        raise NotReady(checks)
    return ReadinessStatus("ok", checks)
