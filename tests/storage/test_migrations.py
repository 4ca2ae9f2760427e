"""The migrations lead to the tables that the code describes, and back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, insert, select

from storage import items, open_database
from storage.accounts import grants, users
from storage.accounts.grants import Bounds, Hashes, Origin, Refresh
from storage.accounts.session_tables import sessions
from storage.collections.viewers import EVERYBODY
from storage.column_types import is_described, metadata
from storage.engines import revisions
from storage.items import ItemValues

VALUES: ItemValues = {
    "name": "First item",
    "description": None,
    "status": "todo",
    "quantity": 1,
    "tags": ["home"],
}


def differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True, "include_name": is_described}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, metadata))


def count_items(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(items.items)).scalar_one()


def test_the_numbers_of_the_files_are_the_revisions() -> None:
    scripts = ScriptDirectory(str(revisions.MIGRATIONS)).walk_revisions()
    assert revisions.known() == [script.revision for script in scripts]


async def test_the_migrations_and_the_tables_agree(empty_url: str) -> None:
    async with open_database(empty_url, auto_migrate=True) as database:
        assert await database.administer(differences) == []


async def test_each_migration_goes_down_and_up_again_with_data(empty_url: str) -> None:
    async with open_database(empty_url, auto_migrate=True) as database:
        created = await database.write(items.create_item, EVERYBODY, VALUES)
        known = [*revisions.known(), "base"]
        for older in known[1:]:
            await database.administer(revisions.downgrade, older)
            await database.administer(revisions.upgrade)
            assert await database.administer(differences) == []
            # Below the first migration there is no table that could keep a row.
            if older == "base":
                assert await database.read(count_items) == 0
            else:
                assert await database.read(items.get_item, EVERYBODY, created.id) == created
                assert await database.read(count_items) == 1


async def test_sessions_from_before_revision_0007_stay_open(empty_url: str) -> None:
    async with open_database(empty_url, auto_migrate=True) as database:
        user = await database.write(users.create_user, email="ada@example.com", password_hash="#")
        session_id = uuid4()
        await database.administer(revisions.downgrade, "0006")
        await database.administer(insert_old_session, session_id, user.id)
        await database.administer(revisions.upgrade)
        used, bounds = Hashes(b"family", b"used"), Bounds(timedelta(1), timedelta(1), 1)
        refreshed = await database.write(
            grants.refresh_session,
            session_id,
            used,
            successor=b"successor",
            bounds=bounds,
            origin=Origin("203.0.113.1", "203.0.113.1"),
        )
        assert refreshed == Refresh(user.id, reused=False)


def insert_old_session(connection: Connection, session_id: UUID, user_id: UUID) -> None:
    now = datetime.now(UTC)
    row = {"id": session_id, "user_id": user_id, "refresh_hash": b"used"}
    connection.execute(
        insert(sessions), {**row, "created_at": now, "expires_at": now + timedelta(1)}
    )
