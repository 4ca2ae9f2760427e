"""There is always an active admin, whatever admins do to each other."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from storage import Database
from storage.accounts import deletion, tables, users
from storage.accounts.errors import LastAdmin
from storage.accounts.tables import ADMIN, USER
from storage.errors import NotAdmin
from tests.storage.test_users import admin

REMOVALS: list[Any] = [
    pytest.param((users.update_user, {"role": USER}), id="demote"),
    pytest.param((users.update_user, {"active": False}), id="deactivate"),
    pytest.param((deletion.delete_user,), id="delete"),
]


def active_admins(connection: Connection) -> int:
    wanted = (tables.users.c.role == ADMIN, tables.users.c.active)
    return connection.execute(
        select(func.count()).select_from(tables.users).where(*wanted)
    ).scalar_one()


@pytest.mark.parametrize("removal", REMOVALS)
async def test_the_last_active_admin_is_not_removed(database: Database, removal: Any) -> None:
    row, boss = await admin(database)
    other, _ = await admin(database, "other")
    await database.write(users.update_user, boss, other.id, {"active": False})
    function, *arguments = removal
    with pytest.raises(LastAdmin):
        await database.write(function, boss, row.id, *arguments)
    assert await database.read(users.get_user, boss, row.id) == row
    await database.write(users.update_user, boss, other.id, {"active": True})
    await database.write(function, boss, row.id, *arguments)
    assert await database.read(active_admins) == 1


@pytest.mark.parametrize("removal", REMOVALS)
async def test_one_of_two_admins_that_remove_each_other_remains(
    database: Database, removal: Any
) -> None:
    function, *arguments = removal
    for round_ in range(10):
        (ada, as_ada), (bob, as_bob) = [
            await admin(database, f"{name}{round_}") for name in ("ada", "bob")
        ]
        tried = await asyncio.gather(
            database.write(function, as_ada, bob.id, *arguments),
            database.write(function, as_bob, ada.id, *arguments),
            return_exceptions=True,
        )
        assert [type(one) for one in tried if isinstance(one, Exception)] == [NotAdmin]
        assert await database.read(active_admins) == 1
        [left] = [
            row for row, one in ((ada, tried[1]), (bob, tried[0])) if isinstance(one, NotAdmin)
        ]
        await database.write(remove_regardless, left.id)


def remove_regardless(connection: Connection, user_id: Any) -> None:
    """So that the next round starts without an admin."""
    connection.execute(tables.users.delete().where(tables.users.c.id == user_id))
