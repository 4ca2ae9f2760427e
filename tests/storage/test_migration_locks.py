"""Which tables each migration locks on PostgreSQL, as docs/operations.md says, and how it waits.

The rows are written by

    python -m pytest tests/storage/test_migration_locks.py --write-docs
"""

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy import Connection, text

from api import create_app
from storage import Database, open_database
from storage.engines import revisions
from storage.engines.postgresql_locks import MIGRATION_LOCK
from tests.conftest import bridged
from tests.factory import settings_for
from tests.live import HUNG
from tests.migrated import migrate
from tests.postgresql import Server
from tests.storage.units import PATIENT, execute, scalars

PAGE = Path(__file__).parent.parent.parent / "docs" / "operations.md"
TABLE = re.compile(r"(?<=\n\n)\| migration \|.*?(?=\n\n)", re.DOTALL)
WAITS = "a migration waits for a lock, held by"
HEADINGS = (
    "| migration | tables that it locks | tables by whose rows it takes longer |\n"
    "| --- | --- | --- |"
)
TABLES = """
    SELECT relname, relfilenode FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
    AND relname <> 'alembic_version'
"""
LOCKED = """
    SELECT relname, bool_or(mode = 'AccessExclusiveLock') FROM pg_locks
    JOIN pg_class ON pg_class.oid = relation
    WHERE pid = pg_backend_pid() AND relkind = 'r' AND mode IN (
        'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'
    ) GROUP BY relname
"""
INDEXES = "SELECT indrelid::regclass::text, indexrelid FROM pg_index"
CHANGED = """
    SELECT relname FROM pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
"""
USER = """
    INSERT INTO users (id, issuer, subject, role, active, created_at, updated_at, version)
    VALUES (gen_random_uuid(), 'issuer', 'subject', 'user', true, now(), now(), 1)
"""
OWN = '''"""A migration of the tests' own."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    default = sa.text("clock_timestamp()")
    op.add_column("sessions", sa.Column("noted_at", sa.DateTime(), server_default=default))
    op.execute("UPDATE quotas SET at_most = at_most + 1")
    op.create_index("ix_users_role", "users", ["role"])


def downgrade() -> None:
    op.drop_index("ix_users_role", "users")
    op.drop_column("sessions", "noted_at")
'''


@pytest.fixture
async def url(postgresql: Server) -> AsyncIterator[str]:
    """A database with a row in the tables whose change is to be seen."""
    with postgresql.database(template="template0") as url:
        async with open_database(url, auto_migrate=True, pool=PATIENT) as database:
            await database.write(execute, USER)
            await database.write(execute, "INSERT INTO quotas SELECT id, 'x', 5 FROM users")
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with open_database(url, auto_migrate=True) as database:
        yield database


@contextlib.contextmanager
def added_migration(folder: Path) -> Iterator[str]:
    """Have the revisions go on with one of the tests' own, which is given."""
    copied = shutil.copytree(revisions.MIGRATIONS, folder / "migrations")
    before = revisions.known()[0]
    revision = f"{int(before) + 1:04}"
    source = OWN.format(revision=revision, before=before)
    (copied / "versions" / f"{revision}_own.py").write_text(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revisions, "MIGRATIONS", copied)
        revisions.known.cache_clear()
        yield revision
    revisions.known.cache_clear()


@pytest.fixture
def own_migration(tmp_path: Path) -> Iterator[str]:
    with added_migration(tmp_path) as revision:
        yield revision


Rows = list[tuple[str, int]]


def rows(connection: Connection, query: str) -> Rows:
    return [(name, value) for name, value in connection.execute(text(query))]


def row_of(connection: Connection, revision: str) -> str:
    """Migrate up to `revision`, and return the row that says what it has locked."""
    files, indexes = dict(rows(connection, TABLES)), rows(connection, INDEXES)
    revisions.upgrade(connection, revision)
    locked = dict(rows(connection, LOCKED))
    kinds = ["writes wait", "reads and writes wait"]
    cell = ", ".join(f"`{name}`: {kinds[locked[name]]}" for name in sorted(locked.keys() & files))
    longer = {name for name, file in rows(connection, TABLES) if files.get(name) != file}
    longer |= {index[0] for index in rows(connection, INDEXES) if index not in indexes}
    longer |= set(connection.execute(text(CHANGED)).scalars())
    by_rows = ", ".join(f"`{name}`" for name in sorted(longer & files.keys()))
    return f"| {revision} | {cell or 'none'} | {by_rows or 'none'} |"


def previous(revision: str) -> str:
    older = [*revisions.known(), "base"]
    return older[older.index(revision) + 1]


async def measured(database: Database, revision: str) -> str:
    await database.administer(revisions.downgrade, previous(revision))
    return await database.administer(row_of, revision)


@pytest.mark.parametrize("revision", revisions.known()[::-1])
async def test_each_migration_locks_what_the_page_says(
    database: Database, revision: str, pytestconfig: pytest.Config
) -> None:
    row = await measured(database, revision)
    page = PAGE.read_text()
    match = TABLE.search(page)
    assert match is not None
    told = {line[2:6]: line for line in match[0].splitlines()[2:]}
    if pytestconfig.getoption("--write-docs"):
        told = dict(sorted({**told, revision: row}.items()))
        PAGE.write_text(TABLE.sub("\n".join([HEADINGS, *told.values()]), page))
    assert set(told) <= set(revisions.known())
    assert told[revision] == row


OWN_ROW = (
    "`sessions`: reads and writes wait, `users`: writes wait | `quotas`, `sessions`, `users` |"
)


async def test_locks_a_rewritten_table_changed_rows_and_a_new_index_are_seen(
    database: Database, own_migration: str
) -> None:
    await database.administer(revisions.upgrade)
    assert await measured(database, own_migration) == f"| {own_migration} | {OWN_ROW}"


@pytest.mark.parametrize("revision", ["own", *revisions.known()[:-1]])
async def test_behind_a_reader_only_a_migration_waits_that_locks_out_reads(
    url: str, own_migration: str, caplog: pytest.LogCaptureFixture, revision: str
) -> None:
    """The reader holds what pg_dump does: it has a transaction open, and has read each table."""
    revision = own_migration if revision == "own" else revision
    settings = {"application_name": "pg_dump"}
    reader: asyncpg.Connection[asyncpg.Record]
    reader = await asyncpg.connect(url, server_settings=settings)
    async with open_database(url, auto_migrate=True) as database:
        row = await measured(database, revision)
        await database.administer(revisions.downgrade, previous(revision))
        async with asyncio.timeout(HUNG), reader.transaction():
            for name in await database.read(scalars, TABLES):
                await reader.execute(f"LOCK TABLE {name} IN ACCESS SHARE MODE")
            migrating = asyncio.ensure_future(database.administer(revisions.upgrade, revision))
            while not migrating.done() and WAITS not in caplog.text:  # noqa: ASYNC110  # no event says it
                await asyncio.sleep(0)
            assert (WAITS in caplog.text) == ("reads and writes wait" in row)
        await migrating
        assert await database.read(revisions.current) == revision
    await reader.close()


async def test_a_migration_that_waits_for_another_one_says_so(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    other: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(url)
    async with open_database(url, auto_migrate=False) as database:
        async with asyncio.timeout(HUNG), other.transaction():
            await other.execute(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            migrating = asyncio.ensure_future(database.administer(revisions.upgrade))
            while WAITS not in caplog.text:  # noqa: ASYNC110  # no event says it
                await asyncio.sleep(0)
            assert not migrating.done()
        await migrating
    assert "which holds the lock of migrations" in caplog.text
    await other.close()


@pytest.fixture
async def client(url: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    await migrate(url)
    app = create_app(settings_for(tmp_path, DATABASE_URL=url))
    transport = httpx.ASGITransport(bridged(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        yield client
    await app.close()


async def test_requests_are_answered_while_a_migration_waits(
    url: str, client: httpx.AsyncClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await client.get("/api/gizmos")).status_code == 200
    reader: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(url)
    with added_migration(tmp_path):
        database = open_database(url, auto_migrate=False)
        async with asyncio.timeout(HUNG), reader.transaction():
            await reader.execute("SELECT * FROM sessions")
            migrating = asyncio.ensure_future(database.administer(revisions.upgrade))
            while WAITS not in caplog.text:
                assert (await client.get("/api/gizmos")).status_code == 200
                created = await client.post("/api/gizmos", json={"name": "New"})
                assert created.status_code == 201
        await migrating
        await database.close()
    await reader.close()
