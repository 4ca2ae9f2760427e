"""The application deletes what has expired while it serves, and not only when asked."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, func, select

from api import create_app
from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from api.runtime.expiry import Expiry
from storage import Database
from storage.accounts.tables import sessions
from tests.accounts import account
from tests.api.test_cli import flask
from tests.factory import SECRET_KEY, settings_for
from tests.sessions import shift
from tests.storage.test_grants import DAY
from tests.storage.units import execute


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(sessions)).scalar_one()


async def with_an_expired_session(app: AsyncFlask) -> None:
    await account(app)
    await app.services[Database].write(shift, 2 * DAY)


async def until_it_is_deleted(app: AsyncFlask) -> None:
    async with asyncio.timeout(60):
        while await app.services[Database].read(count):  # noqa: ASYNC110  # no event says it
            await asyncio.sleep(0)


async def test_expired_rows_are_deleted_while_the_application_serves(app: AsyncFlask) -> None:
    app.services[Expiry] = Expiry(app.services[Database], period=0)
    async with app:
        await with_an_expired_session(app)
        await until_it_is_deleted(app)


async def test_deletion_of_expired_rows_continues_after_an_outage_of_the_database(
    tmp_path: Path, logged: Callable[[], str]
) -> None:
    app = create_app(settings_for(tmp_path))
    app.services[Expiry] = Expiry(app.services[Database], period=0)
    async with app:
        with contextlib.closing(
            sqlite3.connect(tmp_path / "api.db", isolation_level=None)
        ) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(60):
                while "expired_rows_not_deleted" not in logged():  # noqa: ASYNC110  # as above
                    await asyncio.sleep(0)
            other.execute("ROLLBACK")
        await with_an_expired_session(app)
        await until_it_is_deleted(app)


async def test_deletion_of_expired_rows_continues_after_an_unexpected_error(
    app: AsyncFlask, logged: Callable[[], str]
) -> None:
    app.services[Expiry] = Expiry(app.services[Database], period=0)
    async with app:
        database = app.services[Database]
        refused = "BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'refused'); END"
        await database.write(execute, f"CREATE TRIGGER refuse {refused}")
        await with_an_expired_session(app)
        async with asyncio.timeout(60):
            while "IntegrityError" not in logged():  # noqa: ASYNC110  # as above
                await asyncio.sleep(0)
        await database.write(execute, "DROP TRIGGER refuse")
        await until_it_is_deleted(app)


async def test_a_command_does_the_same(tmp_path: Path) -> None:
    async with create_app(settings_for(tmp_path)) as app:
        await with_an_expired_session(app)
    url = app.services[Settings].database_url
    pruned = await asyncio.to_thread(
        flask, tmp_path, "db", "prune", DATABASE_URL=url, SECRET_KEY=SECRET_KEY
    )
    assert pruned.returncode == 0
    async with create_app(settings_for(tmp_path)) as app:
        assert await app.services[Database].read(count) == 0
