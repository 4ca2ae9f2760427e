"""The migrations lead to the tables that the code describes, and back."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Integer, String, delete

from storage import Database, open_database
from storage.accounts.users import create_user
from storage.collections.ddl import keep_triggers, rules_in
from storage.collections.tables import rules_of
from storage.collections.viewers import ANONYMOUS
from storage.column_types import is_described, metadata
from storage.engines import revisions
from tests.accounts import count_users
from tests.bookings import BOOKINGS
from tests.gizmos import GIZMOS, gizmo_input, gizmos
from tests.migrated import OWN_TABLES

BOOKING = {
    "guest": "Ada",
    "arrives_at": datetime(2026, 1, 1, tzinfo=UTC),
    "confirmed": True,
    "code": UUID(int=1),
    "kind": "room",
    "extras": ["sea"],
}


def is_migrated(_object: object, name: str | None, *_: object) -> bool:
    return name not in OWN_TABLES


def differences(connection: Connection) -> list[object]:
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_name": is_described,
        "include_object": is_migrated,
    }
    context = MigrationContext.configure(connection, opts=options)
    rules = [
        (table.name, declared, stored)
        for table in metadata.tables.values()
        if is_migrated(table, table.name)
        and (declared := rules_of(table).keys())
        != (stored := rules_in(connection, table.name).keys())
    ]
    return [*compare_metadata(context, metadata), *rules]


def test_the_numbers_of_the_files_are_the_revisions() -> None:
    scripts = ScriptDirectory(str(revisions.MIGRATIONS)).walk_revisions()
    assert revisions.known() == [script.revision for script in scripts]


async def test_the_migrations_and_the_tables_agree(empty_url: str) -> None:
    async with open_database(empty_url, auto_migrate=True) as database:
        assert await database.administer(differences) == []


async def test_each_migration_goes_down_and_up_again_with_data(empty_url: str) -> None:
    async with open_database(empty_url, auto_migrate=True) as database:
        await database.write(create_user, email="ada@example.com", password_hash="")
        known = [*revisions.known(), "base"]
        for older in known[1:]:
            await database.administer(revisions.downgrade, older)
            await database.administer(revisions.upgrade)
            assert await database.administer(differences) == []
            # Below the first migration there is no table that could keep a row.
            assert await database.read(count_users) == (0 if older == "base" else 1)


@pytest.mark.parametrize("change", ["alter", "drop"])
async def test_a_resource_keeps_its_search_and_entries_when_a_column_changes(
    database: Database, change: str
) -> None:
    def migrate(connection: Connection) -> None:
        keep_triggers(connection)
        operations = Operations(MigrationContext.configure(connection))
        operations.add_column("gizmos", Column("extra", Integer))
        with operations.batch_alter_table("gizmos") as batch:
            if change == "drop":
                batch.drop_column("extra")
            else:
                batch.alter_column("description", existing_type=String(2000), type_=String(9))

    other = await database.write(
        GIZMOS.create, ANONYMOUS, gizmo_input(name="Other", description=None, tags=[])
    )
    booking = await database.write(BOOKINGS.create, ANONYMOUS, BOOKING | {"gizmo_id": other.id})
    await database.write(GIZMOS.create, ANONYMOUS, gizmo_input(description=None))
    await database.administer(migrate)
    assert await database.read(BOOKINGS.get, ANONYMOUS, booking.id) == booking
    await database.write(GIZMOS.create, ANONYMOUS, gizmo_input(description=None))
    for query in ({"q": "first"}, {"tag": ["home"]}, {"q": "first", "tag": ["home"]}):
        page = await database.read(GIZMOS.page, ANONYMOUS, query, limit=9)
        assert len(page.rows) == 2, query
        await database.write(GIZMOS.delete, ANONYMOUS, page.rows[0].id)
        await database.write(GIZMOS.create, ANONYMOUS, gizmo_input(description=None))


async def test_a_migration_that_breaks_a_reference_is_undone(database: Database) -> None:
    gizmo = await database.write(GIZMOS.create, ANONYMOUS, gizmo_input())
    await database.write(BOOKINGS.create, ANONYMOUS, BOOKING | {"gizmo_id": gizmo.id})
    with pytest.raises(Exception, match=r"refers to no row of gizmos|violates foreign key"):
        await database.administer(lambda connection: connection.execute(delete(gizmos)))
    assert await database.read(GIZMOS.get, ANONYMOUS, gizmo.id) == gizmo
