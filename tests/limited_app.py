"""Operations with every kind of rate limit, for the tests of limits."""

from typing import Any

import httpx
from flask import Blueprint
from sqlalchemy import Connection
from werkzeug.exceptions import Unauthorized

from api import create_app
from api.config.settings import Settings
from api.http.caller import Caller
from api.http.inputs import Body
from api.limiting.errors import RateLimited, RedisUnavailable
from api.limiting.rate_limits import RateLimits
from api.limiting.redis_windows import SharedWindows
from api.observability.readiness import Readiness
from api.operations import operation
from api.runtime.async_flask import AsyncFlask
from api.runtime.services import service
from openapi.operation import Access, Limit
from schemas.base import InputSchema
from schemas.fields import StrictBoolean, Text
from storage import Database, DatabaseUnavailable
from storage.collections.viewers import Viewer
from tests.conftest import bridged
from tests.redis import PATIENCE

rate_limits = service(RateLimits)

PUBLIC, MEMBERS = "/limited", "/limited/members"
LOGIN, REGISTRATION = "/limited/sign-ins", "/limited/registrations"
KNOWN = {"description": "Whether the account has a session here.", "examples": [True]}
ACCOUNT = {"description": "The account to sign in to.", "examples": ["x"]}
PASSWORD = {"description": "The password of the account.", "examples": ["x"]}


class SignIn(InputSchema):
    """An attempt to sign in."""

    account = Text(required=True, max_length=100, metadata=ACCOUNT)
    password = Text(required=True, max_length=100, metadata=PASSWORD)
    known = StrictBoolean(load_default=False, metadata=KNOWN)


def add_limited_operations(app: AsyncFlask) -> list[str]:
    """Add the operations; return a list that records the accounts whose passwords are checked."""
    limited = Blueprint("limited", __name__, url_prefix="/limited")
    checked: list[str] = []

    @limited.get("")
    @operation(status=204, raises=[DatabaseUnavailable])
    async def get_public() -> None:
        """Read without an account."""

    @limited.get("/members")
    @operation(status=204, access=Access.USERS, raises=[DatabaseUnavailable])
    async def list_members(caller: Caller) -> None:
        """Read as a user."""
        await caller.read(nothing)

    @limited.post("/sign-ins")
    @operation(
        body=SignIn,
        status=204,
        limit=Limit.LOGIN,
        raises=[Unauthorized, RateLimited, RedisUnavailable],
    )
    async def sign_in(body: Body[dict[str, Any]]) -> None:
        """Sign in with the password `open`."""
        attempts, account = rate_limits.attempts, body["account"]
        async with attempts.attempt(account, user_id=None, known=body["known"]):
            checked.append(body["account"])
            if body["password"] != "open":
                raise Unauthorized

    @limited.post("/registrations")
    @operation(status=204, limit=Limit.REGISTRATION)
    async def register() -> None:
        """Register."""

    app.register_blueprint(limited)
    return checked


def app_on_redis(settings: Settings, *, pause: float = 0) -> AsyncFlask:
    """An application with the operations above and a long timeout for Redis.

    After an outage it tries Redis again in `pause` seconds.
    """
    app = create_app(settings)
    shared = SharedWindows(settings.redis_url, deadline=PATIENCE, pause=pause)
    limits = app.services[RateLimits] = RateLimits(settings, shared=shared)
    app.services[Readiness] = Readiness(app.services[Database], limits.available)
    add_limited_operations(app)
    return app


def client_at(app: AsyncFlask, address: str = "203.0.113.1", **headers: str) -> httpx.AsyncClient:
    """A client of `app` whose requests come from `address`."""
    transport = httpx.ASGITransport(bridged(app), client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://t", headers=headers)


def nothing(connection: Connection, viewer: Viewer) -> None:
    """A unit of work that only identifies the caller."""
