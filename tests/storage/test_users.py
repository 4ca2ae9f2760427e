"""Users in the database: unique addresses, outside identities, and always an admin."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from storage import Database, open_database, users
from storage.users import USER, UserRow


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, auto_migrate=True) as database:
        yield database


async def user(database: Database, email: str = "ada@example.com", role: str = USER) -> UserRow:
    return await database.write(users.create_user, email=email, password_hash="#", role=role)


async def test_creates_a_user(database: Database) -> None:
    created = await user(database, "Ada@Example.com")
    assert created._asdict() == {
        "id": created.id,
        "email": "Ada@Example.com",
        "role": "user",
        "active": True,
        "created_at": created.created_at,
        "updated_at": created.created_at,
        "version": 1,
    }


@pytest.mark.parametrize(
    "other", ["ada@example.com", "ADA@EXAMPLE.COM", " ada@example.com ", "\uff41da@example.com"]
)
async def test_no_two_users_have_one_address(database: Database, other: str) -> None:
    first = await user(database, "Ada@example.com")
    with pytest.raises(users.EmailTaken):
        await user(database, other)
    found = await database.read(users.find_by_email, other)
    assert found is not None
    assert (found.id, found.password_hash) == (first.id, "#")


async def test_of_those_who_want_one_address_at_once_one_gets_it(database: Database) -> None:
    made = await asyncio.gather(*(user(database) for _ in range(16)), return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in made) == 1
    assert sum(isinstance(one, users.EmailTaken) for one in made) == 15
