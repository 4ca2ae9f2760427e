"""Fixtures: a working directory, an identity provider, a user and an admin."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from api.identity.tokens import TokenVerifier
from api.runtime.async_flask import AsyncFlask
from storage.accounts.tables import ADMIN
from storage.engines import sqlite_threads
from tests.accounts import Account, account
from tests.identity_provider import EC_KEY, KEY, IdentityProvider, jwk_of


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLite take long: what a busy disk makes wait is no fault of what is tested here.
    tests/storage and tests/faults keep the service's limits."""
    monkeypatch.setattr(sqlite_threads, "QUEUE_TIMEOUT", 60)
    monkeypatch.setattr(sqlite_threads, "READ_TIMEOUT", 60)


@pytest.fixture
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the test's folder the working directory: a start may write its secret key there."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityProvider]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    provider = IdentityProvider()
    provider.keys = [jwk_of(KEY, "one"), jwk_of(EC_KEY, "two")]
    with provider.serving():
        yield provider


@pytest.fixture
async def closed(app: AsyncFlask) -> AsyncIterator[None]:
    """The one that a test puts in place of the application's own has a thread too."""
    first = app.services.get(TokenVerifier)
    yield
    if first is not None and first is not app.services[TokenVerifier]:
        await first.keys.close()


@pytest.fixture
async def ada(app: AsyncFlask) -> Account:
    return await account(app, email="Ada@example.com")


@pytest.fixture
async def boss(app: AsyncFlask) -> Account:
    return await account(app, ADMIN)
