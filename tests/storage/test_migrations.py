"""The migrations lead to the tables that the code describes, and back."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from storage import items, open_database, revisions
from storage.items import ItemValues
from storage.tables import metadata

VALUES: ItemValues = {
    "name": "First item",
    "description": None,
    "status": "todo",
    "quantity": 1,
    "tags": ["home"],
}


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, metadata))


async def test_the_migrations_and_the_tables_agree(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/items.db", auto_migrate=True) as database:
        assert await database.read(differences) == []


async def test_each_migration_goes_down_and_up_again_with_data(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/items.db", auto_migrate=True) as database:
        await database.write(items.create_item, VALUES)
        created = await database.write(items.create_item, VALUES)
        known = [*revisions.known(), "base"]
        for older in known[1:]:
            await database.administer(revisions.downgrade, older)
            await database.administer(revisions.upgrade)
            page = await database.read(items.list_items, limit=2, after=None)
            # Below the first migration there is no table that could keep a row.
            assert page.rows == ([] if older == "base" else [created])
