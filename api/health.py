"""Whether the service runs (health) and whether it can work (ready)."""

from datetime import UTC, datetime
from typing import NamedTuple

from flask import Blueprint, request

from api.context import database, rate_limits
from api.contract import operation
from api.problems import NotReady
from openapi.operation import Limit
from schemas.health import Health, Readiness
from storage import DatabaseUnavailable, revisions

STOPPING = "serving.stopping"
"""Where an ASGI bridge leaves whether the server is about to stop."""
DISPENSABLE = {"redis"}
"""What is told, but is no reason to get no traffic. All processes lose Redis together, and without
it only signing in and registering fail, with a 503 of their own: the rest must not go with them."""

health = Blueprint("health", __name__, url_prefix="/api")


class HealthStatus(NamedTuple):
    status: str
    timestamp: datetime


class ReadinessStatus(NamedTuple):
    status: str
    checks: dict[str, str]


@health.get("/health")
@operation(returns=Health, limit=Limit.NONE)
async def get_health() -> HealthStatus:
    """Say whether the process runs.

    Touches no dependency: for restarting what hangs. Whether to send traffic is
    `get_readiness`'s to say.
    """
    return HealthStatus("ok", datetime.now(UTC))


@health.get("/ready")
@operation(returns=Readiness, raises=[NotReady], limit=Limit.NONE)
async def get_readiness() -> ReadinessStatus:
    """Say whether the service can work.

    Asks each dependency; 503 means that it should get no traffic now, but needs no restart. Redis
    is told of, and is no reason for one: without it each process limits alone. A server that is
    about to stop is not ready either.
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
    shared = await rate_limits.available()
    if shared is not None:
        checks["redis"] = "ok" if shared else "unavailable"
    if request.environ.get(STOPPING):
        checks["server"] = "stopping"
    if any(state != "ok" for name, state in checks.items() if name not in DISPENSABLE):
        raise NotReady(checks)
    return ReadinessStatus("ok", checks)
