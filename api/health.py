"""Whether the service runs (health) and whether it can work (ready)."""

from datetime import UTC, datetime
from typing import NamedTuple

from flask import Blueprint, request

from api.observability import readiness
from api.operations import operation
from api.problems import NotReady
from api.runtime.services import service
from openapi.operation import Limit
from schemas.health import Health, Readiness
from schemas.queries import AnyQuery

STOPPING = "serving.stopping"
"""Where an ASGI bridge leaves whether the server is about to stop."""
DISPENSABLE = {"redis"}
"""What is told, but is no reason to get no traffic. All processes lose Redis together, and without
it only signing in and registering fail, with a 503 of their own: the rest must not go with them."""

health = Blueprint("health", __name__, url_prefix="/api")
dependencies = service(readiness.Readiness)


class HealthStatus(NamedTuple):
    status: str
    timestamp: datetime


class ReadinessStatus(NamedTuple):
    status: str
    checks: dict[str, str]


@health.get("/health")
@operation(query=AnyQuery, returns=Health, limit=Limit.NONE)
async def get_health() -> HealthStatus:
    """Say whether the process runs.

    Touches no dependency: for restarting what hangs. Whether to send traffic is
    `get_readiness`'s to say.
    """
    return HealthStatus("ok", datetime.now(UTC))


@health.get("/ready")
@operation(query=AnyQuery, returns=Readiness, raises=[NotReady], limit=Limit.NONE)
async def get_readiness() -> ReadinessStatus:
    """Say whether the service can work.

    Asks each dependency, once a second at most; 503 means that it should get no traffic now, but
    needs no restart. Redis is reported, and no reason for a 503: without it each process limits
    alone. A server that is about to stop is not ready either.
    """
    checks = await dependencies.checks()
    if request.environ.get(STOPPING):
        checks["server"] = "stopping"
    if any(state != "ok" for name, state in checks.items() if name not in DISPENSABLE):
        raise NotReady(checks)
    return ReadinessStatus("ok", checks)
