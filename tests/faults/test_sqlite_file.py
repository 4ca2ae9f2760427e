"""The SQLite file is moved, removed or replaced under a running service, or can't be written."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from api import create_app
from api.observability.readiness import Readiness
from api.runtime.async_flask import AsyncFlask
from storage import Database, DatabaseReadOnly, DatabaseUnavailable, open_database
from storage.engines.sqlite import WAL_LIMIT
from tests.factory import settings_for
from tests.faults.conftest import assert_unavailable
from tests.small_disk import mounted
from tests.sqlite import migrated_database
from tests.storage.units import execute, scalars

LOST = (
    "has been moved, removed or replaced: requests are answered 503 until this process is restarted"
)
UNAVAILABLE = {"database": "unavailable", "migrations": "unavailable"}
READ_ONLY = {"database": "read-only", "migrations": "ok"}


@pytest.fixture
def postgresql_url(tmp_path: Path) -> str:
    """The fixtures `app` and `client` then use this file."""
    return migrated_database(tmp_path)


def move(file: Path) -> None:
    file.rename(file.with_name("moved.db"))


def remove(file: Path) -> None:
    file.unlink()


def replace(file: Path) -> None:
    """By a backup, as `cp` doesn't do it: the old file keeps its content for us."""
    backup = file.with_name("backup.db")
    with sqlite3.connect(file) as source:
        source.execute("VACUUM INTO ?", [str(backup)])
    source.close()
    backup.replace(file)


def remove_wal(file: Path) -> None:
    file.with_name("api.db-wal").unlink()


def remove_shm(file: Path) -> None:
    """Another process would make a new one, and see none of this one's locks."""
    file.with_name("api.db-shm").unlink()


@pytest.mark.parametrize("change", [move, remove, replace, remove_wal, remove_shm])
@pytest.mark.parametrize("noticed_by", ["a write", "readiness"])
async def test_requests_are_503_once_the_database_file_was_replaced(
    app: AsyncFlask,
    client: httpx.AsyncClient,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[Path], None],
    noticed_by: str,
) -> None:
    assert (await client.post("/api/gizmos", json={"name": "Before"})).status_code == 201
    assert (await client.get("/api/ready")).status_code == 200
    change(tmp_path / "api.db")
    for _ in range(2):
        if noticed_by == "a write":
            await assert_unavailable(await client.post("/api/gizmos", json={"name": "Lost"}))
        ready = await client.get("/api/ready")
        assert (ready.status_code, ready.json()["checks"]) == (503, UNAVAILABLE)
        await assert_unavailable(await client.get("/api/gizmos"))
    await assert_unavailable(await client.post("/api/gizmos", json={"name": "Lost"}))
    assert [LOST in message for message in caplog.messages].count(True) == 1
    # Nothing was made in the place of what is missing.
    assert (tmp_path / "api.db").exists() == (change not in {move, remove})


async def test_writes_that_share_a_transaction_are_refused_together(tmp_path: Path) -> None:
    async with open_database(migrated_database(tmp_path), auto_migrate=True) as database:
        await database.write(execute, "CREATE TABLE notes (body TEXT)")
        move(tmp_path / "api.db")
        writes = (database.write(execute, f"INSERT INTO notes VALUES ({n})") for n in range(9))
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {DatabaseUnavailable}
    kept = sqlite3.connect(tmp_path / "moved.db")
    assert kept.execute("SELECT count(*) FROM gizmos").fetchone() == (0,)
    kept.close()


async def test_a_new_process_serves_the_file_that_is_there(tmp_path: Path) -> None:
    url = migrated_database(tmp_path)
    async with open_database(url, auto_migrate=True) as before:
        await before.write(execute, "CREATE TABLE notes (body TEXT)")
        replace(tmp_path / "api.db")
        with pytest.raises(DatabaseUnavailable):
            await before.write(execute, "INSERT INTO notes VALUES ('lost')")
    for name in ("api.db-wal", "api.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    async with open_database(url, auto_migrate=True) as after:
        await after.write(execute, "INSERT INTO notes VALUES ('kept')")
        assert await after.read(scalars, "SELECT body FROM notes") == ["kept"]


async def test_the_wal_shrinks_after_a_long_reader(tmp_path: Path) -> None:
    wal = tmp_path / "api.db-wal"
    async with open_database(migrated_database(tmp_path), auto_migrate=True) as database:
        await database.write(execute, "CREATE TABLE notes (body BLOB)")
        reader = sqlite3.connect(tmp_path / "api.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM notes").fetchall()
        while wal.stat().st_size <= WAL_LIMIT:
            await database.write(execute, "INSERT INTO notes VALUES (zeroblob(4000000))")
        reader.close()
        # The first write checkpoints the whole of it, the second begins it anew.
        for _ in range(2):
            await database.write(execute, "INSERT INTO notes VALUES (zeroblob(4000000))")
        assert wal.stat().st_size <= WAL_LIMIT


@contextmanager
def read_only(file: Path) -> Iterator[None]:
    """`file` can't be written; for root, that takes more than the file's mode."""
    if os.getuid() == 0:
        with mounted(file, "--bind", "-o", "ro", str(file)):
            yield
        return
    file.chmod(0o400)
    yield
    file.chmod(0o600)


@pytest.mark.parametrize("name", ["api.db", "api.db-wal"])
async def test_a_start_on_a_file_that_is_read_only_says_so_in_readiness(
    tmp_path: Path, name: str
) -> None:
    url = migrated_database(tmp_path)
    async with open_database(url, auto_migrate=True) as other:
        await other.write(execute, "CREATE TABLE notes (body TEXT)")  # so there is a -wal
        app = create_app(settings_for(tmp_path, DATABASE_URL=url))
        app.services[Readiness].keep = 0
        async with app:
            with read_only(tmp_path / name):
                await app.services[Database].__aenter__()
                assert await app.services[Readiness].checks() == READ_ONLY
                with pytest.raises(DatabaseReadOnly):
                    await app.services[Database].write(execute, "DELETE FROM gizmos")
            await app.services[Database].write(execute, "DELETE FROM gizmos")


async def test_a_file_that_becomes_read_only_is_written_to_when_it_can_be_again(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    assert (await client.post("/api/gizmos", json={"name": "Before"})).status_code == 201
    with read_only(tmp_path / "api.db"):
        await assert_unavailable(await client.post("/api/gizmos", json={"name": "Meanwhile"}))
        ready = await client.get("/api/ready")
        assert (ready.status_code, ready.json()["checks"]) == (503, READ_ONLY)
        assert len((await client.get("/api/gizmos")).json()["gizmos"]) == 1
    assert (await client.post("/api/gizmos", json={"name": "After"})).status_code == 201
    assert (await client.get("/api/ready")).status_code == 200
