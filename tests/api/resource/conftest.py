"""The application with a resource of the tests' own: bookings."""

from collections.abc import AsyncIterator

import pytest

from api import application
from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from tests.bookings import operations


@pytest.fixture
async def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncFlask]:
    monkeypatch.setattr(application, "RESOURCES", (*application.RESOURCES, operations()))
    app = application.create_app(settings)
    yield app
    await app.close()
