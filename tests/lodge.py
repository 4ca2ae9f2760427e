"""A few operations with limits of every kind, for tests of those."""

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
from api.operations import operation
from api.runtime.async_flask import AsyncFlask
from api.runtime.services import service
from openapi.operation import Access, Limit
from schemas.base import InputSchema
from schemas.fields import StrictBoolean, Text
from storage import DatabaseUnavailable
from storage.collections.viewers import Viewer
from tests.conftest import bridged
from tests.redis import PATIENCE

rate_limits = service(RateLimits)

MEMBERS, GUESTS, LOGIN, REGISTRATION = "/lodge/members", "/lodge", "/lodge/keys", "/lodge/names"
KNOWN = {"description": "Whether the guest has come this way before.", "examples": [True]}
PASSWORD = {"description": "Who wants to come in, and with which word.", "examples": ["x"]}


class Guest(InputSchema):
    """Somebody at the door."""

    account = Text(required=True, max_length=100, metadata=PASSWORD)
    password = Text(required=True, max_length=100, metadata=PASSWORD)
    known = StrictBoolean(load_default=False, metadata=KNOWN)


def add_lodge(app: AsyncFlask) -> list[str]:
    """Add the operations, and give a list of the accounts whose passwords are looked at."""
    lodge = Blueprint("lodge", __name__, url_prefix="/lodge")
    looked_at: list[str] = []

    @lodge.get("")
    @operation(status=204, raises=[DatabaseUnavailable])
    async def get_lodge() -> None:
        """Look at the door."""

    @lodge.get("/members")
    @operation(status=204, access=Access.USERS, raises=[DatabaseUnavailable])
    async def list_members(caller: Caller) -> None:
        """Come in as a member."""
        await caller.read(nothing)

    @lodge.post("/keys")
    @operation(
        body=Guest,
        status=204,
        limit=Limit.LOGIN,
        raises=[Unauthorized, RateLimited, RedisUnavailable],
    )
    async def create_key(body: Body[dict[str, Any]]) -> None:
        """Come in with the password, which is `open`."""
        async with rate_limits.attempts.attempt(body["account"], known=body["known"]):
            looked_at.append(body["account"])
            if body["password"] != "open":
                raise Unauthorized

    @lodge.post("/names")
    @operation(status=204, limit=Limit.REGISTRATION)
    async def create_name() -> None:
        """Become a member."""

    app.register_blueprint(lodge)
    return looked_at


def lodge_on_redis(settings: Settings, *, pause: float = 0) -> AsyncFlask:
    """An application with a lodge that is patient with Redis, and asks it again after `pause`
    seconds when it was away."""
    app = create_app(settings)
    shared = SharedWindows(settings.redis_url, deadline=PATIENCE, pause=pause)
    app.services[RateLimits].counters.shared = shared
    add_lodge(app)
    return app


def client_at(app: AsyncFlask, address: str = "203.0.113.1", **headers: str) -> httpx.AsyncClient:
    """A client of `app` whose requests come from `address`."""
    transport = httpx.ASGITransport(bridged(app), client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://t", headers=headers)


def nothing(connection: Connection, viewer: Viewer) -> None:
    """A unit of work that finds out who asks, and that is all."""
