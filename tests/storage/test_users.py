"""Users in the database: unique addresses, outside identities, and always an admin."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any
from unicodedata import is_normalized
from uuid import uuid4

import pytest
from sqlalchemy import Connection, select

from storage import Database, open_database
from storage.accounts import deletion, tables, users
from storage.accounts.errors import EmailTaken, UserNotFound, UserOwnsRows
from storage.accounts.tables import ADMIN, USER
from storage.accounts.users import UserRow
from storage.collections.collection import DELETED_AT_ONCE
from storage.collections.preconditions import Precondition, Version
from storage.collections.viewers import Viewer
from storage.errors import VersionConflict
from tests.gizmos import GIZMOS, GizmoNotFound, GizmoValues
from tests.postgresql import Server
from tests.storage.units import Gate, scalars

GIZMO: GizmoValues = {
    "name": "First item",
    "description": None,
    "status": "todo",
    "quantity": 1,
    "tags": ["home"],
}


async def user(database: Database, email: str = "ada@example.com", role: str = USER) -> UserRow:
    return await database.write(users.create_user, email=email, password_hash="#", role=role)


async def admin(database: Database, name: str = "admin") -> tuple[UserRow, Viewer]:
    row = await user(database, f"{name}@example.com", ADMIN)
    return row, viewer(row)


def viewer(row: UserRow) -> Viewer:
    return Viewer(row.id, is_admin=row.role == ADMIN, sees_all=row.role == ADMIN)


def everyone(connection: Connection) -> list[tuple[Any, ...]]:
    columns = [tables.users.c[name] for name in ("issuer", "subject", "role", "active")]
    return [tuple(row) for row in connection.execute(select(*columns))]


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
    with pytest.raises(EmailTaken):
        await user(database, other)
    found = await database.read(users.find_by_email, other)
    assert found is not None
    assert (found.id, found.password_hash) == (first.id, "#")


async def test_an_unknown_address_finds_no_user(database: Database) -> None:
    await user(database)
    for email in ("", "bob@example.com", "ada@example.com" + "x" * 400):
        assert await database.read(users.find_by_email, email) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ada@straße.example", "ada@strasse.example", False),
        ("ada@straße.example", "ADA@STRA\u1e9eE.EXAMPLE", True),
        ("ada@βόλος.example", "ada@βόλοσ.example", False),
        ("ada@ΒΌΛΟΣ.example", "ada@βόλοσ.example", True),
        ("ada@stra\u00dfe.example", "ada@STRASSE.example", False),
        ("gauß@example.com", "GAUSS@example.com", True),
        ("ada@straße.example", "ada@XN--strae-oqa.example", True),
        ("ada@strasse.example", "ada@xn--strae-oqa.example", False),
        ("ada@straße.example", "ada@straße。example", True),
        ("ada@b.example", "ada@b\uff61example", True),
        ("ada@\ufdfa.example", "ada@xn--2j1a.example", False),
        ("ada@xn--99999999.example", "ada@XN--99999999.example", True),
    ],
)
def test_two_spellings_of_one_address_have_one_key(one: str, other: str, same: bool) -> None:
    assert (users.email_key(one) == users.email_key(other)) == same


def test_the_key_of_an_address_fits_its_column() -> None:
    longest = tables.users.c.email_key.type.length  # type: ignore[attr-defined]  # of a String
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    kept = [c for c in characters if is_normalized("NFKC", c)]
    assert len(kept) > 1_000_000
    # An address has 254 bytes: no character may become more characters than it has bytes.
    assert [c for c in kept if len(users.email_key(c)) > len(c.encode())] == []
    assert longest >= 254
    for label in ("ᾀ" * 40, "\ufdfa", "\ud800"):
        encoded = f"xn--{label.encode('punycode').decode()}"
        assert users.email_key(f"a@{encoded}") == f"a@{encoded}"


async def test_one_of_several_concurrent_registrations_of_an_address_wins(
    database: Database,
) -> None:
    made = await asyncio.gather(*(user(database) for _ in range(16)), return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in made) == 1
    assert sum(isinstance(one, EmailTaken) for one in made) == 15


async def test_an_outside_identity_becomes_one_user_however_often_it_comes_at_once(
    database: Database,
) -> None:
    identities = [("https://idp.example", "7"), ("https://idp.example", "8"), ("https://b", "7")]
    await asyncio.gather(
        *(database.write(users.enrol_user, *identity) for identity in identities * 8)
    )
    assert sorted(await database.read(everyone)) == sorted(
        (*identity, USER, True) for identity in identities
    )


def only(row: UserRow) -> Precondition:
    """That the row is as it was seen."""
    return Precondition(frozenset({Version(row.version, row.id)}))


async def test_changes_a_user_at_the_version_that_was_seen(database: Database) -> None:
    _, boss = await admin(database)
    ada = await user(database)
    changed = await database.write(users.update_user, boss, ada.id, {"role": ADMIN}, only(ada))
    assert (changed.role, changed.active, changed.version) == (ADMIN, True, 2)
    assert changed.updated_at > ada.updated_at
    assert await database.read(users.get_user, boss, ada.id) == changed
    with pytest.raises(VersionConflict):
        await database.write(users.update_user, boss, ada.id, {"role": USER}, only(ada))
    with pytest.raises(VersionConflict):
        await database.write(deletion.delete_user, boss, ada.id, only(ada))
    assert await database.read(users.get_user, boss, ada.id) == changed


async def test_an_unknown_user_raises_not_found(database: Database) -> None:
    _, boss = await admin(database)
    nobody = uuid4()
    with pytest.raises(UserNotFound):
        await database.read(users.get_user, boss, nobody)
    with pytest.raises(UserNotFound):
        await database.write(users.update_user, boss, nobody, {"active": False})
    with pytest.raises(UserNotFound):
        await database.write(
            deletion.delete_user, boss, nobody, Precondition(frozenset({Version(1, nobody)}))
        )


async def test_a_user_with_gizmos_goes_only_with_them(database: Database) -> None:
    _, boss = await admin(database)
    ada, bob = await user(database), await user(database, "bob@example.com")
    its = await database.write(GIZMOS.create, viewer(ada), GIZMO)
    other = await database.write(GIZMOS.create, viewer(bob), GIZMO)
    with pytest.raises(UserOwnsRows):
        await database.write(deletion.delete_user, boss, ada.id)
    assert await database.read(GIZMOS.get, boss, its.id) == its
    assert await database.write(deletion.delete_user, boss, ada.id, delete_owned=True)
    with pytest.raises(UserNotFound):
        await database.read(users.get_user, boss, ada.id)
    with pytest.raises(GizmoNotFound):
        await database.read(GIZMOS.get, boss, its.id)
    assert await database.read(GIZMOS.get, boss, other.id) == other


async def test_many_gizmos_go_a_part_at_a_time(database: Database) -> None:
    _, boss = await admin(database)
    ada = await user(database)

    def create_many(connection: Connection) -> None:
        for _ in range(2 * DELETED_AT_ONCE + 1):
            GIZMOS.create(connection, viewer(ada), GIZMO)

    await database.write(create_many)
    done = [
        await database.write(deletion.delete_user, boss, ada.id, delete_owned=True)
        for _ in range(3)
    ]
    assert done == [False, False, True]
    with pytest.raises(UserNotFound):
        await database.read(users.get_user, boss, ada.id)


async def until_it_waits(database: Database, write: asyncio.Future[Any]) -> None:
    """Until `write`, alone on PostgreSQL, waits for a lock."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while await database.read(scalars, query) == [0]:
        assert not write.done()


@pytest.fixture
async def on_postgresql(postgresql: Server) -> AsyncIterator[Database]:
    with postgresql.database() as url:
        async with open_database(url, auto_migrate=True) as database:
            yield database


async def test_a_user_with_a_gizmo_in_the_making_does_not_go(on_postgresql: Database) -> None:
    database = on_postgresql
    _, boss = await admin(database)
    ada = await user(database)
    gate = Gate()

    def create(connection: Connection) -> None:
        GIZMOS.create(connection, viewer(ada), GIZMO)
        gate.wait(connection)

    creating = asyncio.ensure_future(database.write(create))
    await gate.reached.wait()
    deleting = asyncio.ensure_future(database.write(deletion.delete_user, boss, ada.id))
    await until_it_waits(database, deleting)
    gate.opened.set()
    with pytest.raises(UserOwnsRows):
        await deleting
    await creating
