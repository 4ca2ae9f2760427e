"""Databases as storage's tests reach them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage import Database, open_database
from tests.postgresql import empty_database
from tests.storage.units import PATIENT, execute


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database that no migration has reached: a test runs once on each kind."""
    yield from empty_database(request, tmp_path)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, auto_migrate=True, pool=PATIENT) as database:
        await database.write(execute, "CREATE TABLE notes (body TEXT UNIQUE)")
        yield database
