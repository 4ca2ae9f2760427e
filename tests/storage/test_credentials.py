"""What users sign in with, changed by who knows the password."""

import asyncio
from uuid import UUID, uuid4

import pytest

from storage import Database
from storage.accounts import credentials, users
from storage.accounts.admission import Session
from storage.accounts.errors import EmailTaken, WrongPassword
from storage.accounts.users import UserRow
from storage.collections.preconditions import ANY_VERSION, Precondition, Version
from storage.errors import VersionConflict
from tests.accounts import sessions_of, start_session
from tests.storage.test_users import user, viewer

OLD, NEW = "#", "##"


async def update(
    database: Database,
    row: UserRow,
    changes: credentials.CredentialChanges,
    *,
    known_hash: str = OLD,
    session_id: UUID | None = None,
    precondition: Precondition = ANY_VERSION,
) -> UserRow:
    """By the user of `row`, whose password has the hash `known_hash`."""
    return await database.write(
        credentials.update_credentials,
        viewer(row),
        changes,
        precondition,
        known_hash=known_hash,
        session_id=session_id,
    )


async def hash_of(database: Database, row: UserRow) -> object:
    return (await database.read(credentials.get_credentials, viewer(row))).password_hash


async def test_a_new_password_ends_the_other_sessions(database: Database) -> None:
    ada, bob = await user(database), await user(database, "bob@example.com")
    here, elsewhere, his = (Session(uuid4(), row.id) for row in (ada, ada, bob))
    for session in (here, elsewhere, his):
        await database.write(start_session, session)
    changed = await update(database, ada, {"password_hash": NEW}, session_id=here.id)
    assert (changed.version, await hash_of(database, ada)) == (2, NEW)
    assert await database.read(sessions_of, ada.id) == [here.id]
    assert await database.read(sessions_of, bob.id) == [his.id]


async def test_a_change_with_an_outdated_password_is_refused(database: Database) -> None:
    ada = await user(database)
    changed = await update(database, ada, {"password_hash": NEW})
    for changes in ({"password_hash": OLD}, {"email": "bob@example.com"}):
        with pytest.raises(WrongPassword):
            await update(database, ada, changes)  # type: ignore[arg-type]  # two kinds of changes
    assert await database.read(users.get_current_user, viewer(ada)) == changed
    assert await hash_of(database, ada) == NEW


async def test_one_of_several_concurrent_password_changes_wins(database: Database) -> None:
    ada = await user(database)
    tried = await asyncio.gather(
        *(update(database, ada, {"password_hash": f"#{n}"}) for n in range(8)),
        return_exceptions=True,
    )
    [won] = [n for n, one in enumerate(tried) if not isinstance(one, Exception)]
    assert sum(isinstance(one, WrongPassword) for one in tried) == 7
    assert await hash_of(database, ada) == f"#{won}"


async def test_changes_the_version_that_was_seen(database: Database) -> None:
    ada = await user(database)
    with pytest.raises(VersionConflict):
        await update(
            database,
            ada,
            {"password_hash": NEW},
            precondition=Precondition(frozenset({Version(2, ada.id)})),
        )
    assert await database.read(users.get_current_user, viewer(ada)) == ada


async def test_an_address_moves_to_one_user_at_most(database: Database) -> None:
    rows = [await user(database, f"user{n}@example.com") for n in range(8)]
    tried = await asyncio.gather(
        *(update(database, row, {"email": "Ada@example.com"}) for row in rows),
        return_exceptions=True,
    )
    assert sum(isinstance(one, EmailTaken) for one in tried) == 7
    [ada] = [row for row, one in zip(rows, tried, strict=True) if not isinstance(one, Exception)]
    found = await database.read(users.find_by_email, "ada@example.com")
    assert found is not None
    assert (found.id, found.email) == (ada.id, "Ada@example.com")
    assert await database.read(users.find_by_email, ada.email) is None
