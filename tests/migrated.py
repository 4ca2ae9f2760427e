"""Databases with the tables of the application and those of the tests' own resources."""

from sqlalchemy import Connection, inspect

from storage import open_database
from tests import bookings, gizmos

OWN_TABLES = {
    table.name
    for table in (
        gizmos.gizmos,
        gizmos.gizmo_tags,
        bookings.bookings,
        bookings.booking_extras,
    )
}


async def migrate(url: str) -> None:
    """Bring the database up to date, and make the tests' own tables unless they are there."""
    async with open_database(url, auto_migrate=True) as database:
        await database.administer(create_tables)


def create_tables(connection: Connection) -> None:
    if not inspect(connection).has_table("gizmos"):
        gizmos.create_tables(connection)
        bookings.create_tables(connection)
