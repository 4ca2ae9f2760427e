"""Fixtures: the application as the tests reach it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api import create_app
from api.app import Api
from api.request_log import RequestLog
from api.settings import Settings
from serving import Bridge
from tests.factory import settings_for
from tests.live import serving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.fixture
def app(settings: Settings) -> Iterator[Api]:
    app = create_app(settings)
    yield app
    app.database.close()


def bridged(app: Api, **options: Any) -> Bridge:
    """`app` as asgi.py bridges it."""
    failure = RequestLog(app.answer_failure)
    return Bridge(app, lifespan=app.database, failure=failure, **options)


@pytest.fixture
async def client(app: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Requests through ASGI and the bridge, without a socket."""
    transport = httpx.ASGITransport(bridged(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://items.test") as client:
        yield client


@pytest.fixture
def live(app: Api) -> Iterator[str]:
    """The address of the application on a real Hypercorn."""
    with serving(bridged(app)) as address:
        yield address
