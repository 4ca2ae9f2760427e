"""Sessions in the database: who gets one, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, insert, select, update

from storage import Database, open_database, users
from storage import sessions as stored
from storage.facts import SignedOut
from storage.sessions import SWEPT, Refresh, SignIn, sessions
from tests.storage.units import Gate, scalars

DAY = timedelta(days=1)
HASH, OTHER_HASH = b"1" * 32, b"2" * 32


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, auto_migrate=True) as database:
        yield database


@pytest.fixture
async def user_id(database: Database) -> UUID:
    row = await database.write(users.create_user, email="ada@example.com", password_hash="#")
    return UUID(str(row.id))


async def start(database: Database, sign_in: SignIn, *, lifetime: timedelta = DAY) -> UUID:
    """The id of a new session, whose refresh token has the hash HASH."""
    session_id = uuid4()
    await database.write(stored.start_session, sign_in, session_id, HASH, lifetime=lifetime)
    return session_id


async def refresh(database: Database, session_id: UUID, used: bytes, new: bytes) -> Refresh:
    return await database.write(
        stored.refresh_session, session_id, used=used, refresh_hash=new, lifetime=DAY
    )


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(sessions)).scalar_one()


def password_hash(connection: Connection) -> str:
    kept: str = connection.execute(select(users.users.c.password_hash)).scalar_one()
    return kept


def close_account(connection: Connection) -> None:
    connection.execute(update(users.users).values(active=False))


async def test_a_session_is_its_user_s(database: Database, user_id: UUID) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    assert await database.write(stored.end_session, session_id) == user_id
    assert await database.write(stored.end_session, session_id) is None
    assert await database.read(password_hash) == "#"


async def test_a_hash_that_was_made_anew_is_kept(database: Database, user_id: UUID) -> None:
    await start(database, SignIn(user_id, "#", rehashed="##"))
    assert await database.read(password_hash) == "##"
    with pytest.raises(SignedOut):
        await start(database, SignIn(user_id, "#", rehashed="###"))
    assert await database.read(password_hash) == "##"


async def test_no_session_for_a_closed_account(database: Database, user_id: UUID) -> None:
    await database.write(close_account)
    with pytest.raises(SignedOut):
        await start(database, SignIn(user_id, "#"))
    assert await database.read(count) == 0


async def test_who_changes_the_password_meanwhile_goes_first(
    database: Database, user_id: UUID, database_url: str
) -> None:
    gate = Gate()

    def change_password(connection: Connection) -> None:
        connection.execute(update(users.users).values(password_hash="another"))
        gate.wait(connection)

    changing = asyncio.ensure_future(database.write(change_password))
    await gate.reached.wait()
    starting = asyncio.ensure_future(start(database, SignIn(user_id, "#")))
    if database_url.startswith("postgresql"):  # SQLite's writes wait in line anyway
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while await database.read(scalars, waiting) != [1]:
            assert not starting.done()
    gate.opened.set()
    await changing
    with pytest.raises(SignedOut):
        await starting
    assert await database.read(count) == 0


async def test_refreshing_takes_one_token_for_another(database: Database, user_id: UUID) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    for used, new in [(HASH, OTHER_HASH), (OTHER_HASH, HASH), (HASH, OTHER_HASH)]:
        assert await refresh(database, session_id, used, new) == Refresh(user_id, reused=False)
    assert await database.read(count) == 1


async def test_a_used_token_ends_its_session_alone(database: Database, user_id: UUID) -> None:
    session_id, other_id = [await start(database, SignIn(user_id, "#")) for _ in range(2)]
    await refresh(database, session_id, HASH, OTHER_HASH)
    again = await refresh(database, session_id, HASH, b"3" * 32)
    assert again == Refresh(user_id, reused=True)
    nothing_left = await refresh(database, session_id, OTHER_HASH, b"3" * 32)
    assert nothing_left == Refresh(None, reused=False)
    assert (await refresh(database, other_id, HASH, OTHER_HASH)).user_id == user_id


async def test_of_those_who_use_a_token_at_once_one_gets_the_next(
    database: Database, user_id: UUID
) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    new = [bytes([n]) * 32 for n in range(8)]
    results = await asyncio.gather(*(refresh(database, session_id, HASH, h) for h in new))
    assert results.count(Refresh(user_id, reused=False)) == 1
    assert results.count(Refresh(user_id, reused=True)) == 1
    assert results.count(Refresh(None, reused=False)) == 6
    assert await database.read(count) == 0


@pytest.mark.parametrize("why", ["expired", "closed"])
async def test_nobody_refreshes_what_is_over(database: Database, user_id: UUID, why: str) -> None:
    lifetime = -DAY if why == "expired" else DAY
    session_id = uuid4()
    await database.write(insert_session, session_id, user_id, lifetime)
    if why == "closed":
        await database.write(close_account)
    result = await refresh(database, session_id, HASH, OTHER_HASH)
    assert result == Refresh(None, reused=False)


async def test_expired_sessions_go_little_by_little(database: Database, user_id: UUID) -> None:
    for _ in range(2 * SWEPT + 50):
        await database.write(insert_session, uuid4(), user_id, -DAY)
    left = []
    for _ in range(4):
        await start(database, SignIn(user_id, "#"))
        left.append(await database.read(count))
    assert left == [SWEPT + 51, 52, 3, 4]


def insert_session(
    connection: Connection, session_id: UUID, user_id: UUID, lifetime: timedelta
) -> None:
    now = datetime.now(UTC)
    row = {"id": session_id, "user_id": user_id, "refresh_hash": HASH, "created_at": now}
    connection.execute(insert(sessions), {**row, "expires_at": now + lifetime})
