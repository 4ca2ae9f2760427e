"""The application with a resource of the tests' own: bookings."""

from collections.abc import AsyncIterator

import pytest

from api import application
from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from openapi.operation import Access
from tests.bookings import operations


@pytest.fixture
def access() -> Access:
    return Access.OWNERS


@pytest.fixture
async def app(
    settings: Settings, access: Access, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncFlask]:
    bookings = operations(access=access)
    monkeypatch.setattr(application, "RESOURCES", (*application.RESOURCES, bookings))
    app = application.create_app(settings)
    yield app
    await app.close()
