"""Health (does the process run?) and readiness (can it handle requests?)."""

from datetime import UTC, datetime
from typing import NamedTuple

from flask import Blueprint, request

from api.observability import readiness
from api.operations import operation
from api.runtime.services import service
from openapi.operation import Limit
from schemas.health import Health, Readiness
from schemas.queries import AnyQuery

STOPPING = "serving.stopping"
"""The environ key in which the ASGI bridge says whether the server is about to stop."""
OPTIONAL_CHECKS = {"redis"}
"""Reported, but not required for readiness: all processes lose Redis together, and without it only
signing in and registering fail (with 503). The other operations must still get traffic."""

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

    Checks no dependency. A supervisor can use it to restart a process that hangs; a load balancer
    should use `get_readiness`.
    """
    return HealthStatus("ok", datetime.now(UTC))


@health.get("/ready")
@operation(query=AnyQuery, returns=Readiness, raises=[readiness.NotReady], limit=Limit.NONE)
async def get_readiness() -> ReadinessStatus:
    """Say whether the service can handle requests.

    Checks each dependency at most once a second. 503 means that the service should get no traffic
    now, but needs no restart. Redis is reported but never causes a 503: without it each process
    applies the rate limits on its own. A server that is about to stop is not ready either.
    """
    checks = await dependencies.checks()
    if request.environ.get(STOPPING):
        checks["server"] = "stopping"
    if any(state != "ok" for name, state in checks.items() if name not in OPTIONAL_CHECKS):
        raise readiness.NotReady(checks)
    return ReadinessStatus("ok", checks)
