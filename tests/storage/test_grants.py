"""Sessions in the database: who gets one, and how refresh tokens keep it open."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Row, func, insert, select, update

from storage import Database, open_database
from storage.accounts import grants as stored
from storage.accounts import tables, users
from storage.accounts.grants import RETRY_WINDOW, Hashes, Origin, Refresh, SessionLimits, SignIn
from storage.accounts.sessions import list_sessions
from storage.accounts.tables import sessions
from storage.collections.viewers import Viewer
from storage.errors import SignedOut
from tests.sessions import shift
from tests.storage.units import PATIENT, Gate, scalars

DAY = timedelta(days=1)
LIMITS = SessionLimits(idle=DAY, total=3 * DAY, most=3)
ORIGIN = Origin("2001:db8::1", "2001:db8::/48", "curl/8")
FAMILY, HASH, OTHER_HASH, THIRD_HASH = (bytes([n]) * 32 for n in range(1, 5))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url, auto_migrate=True, pool=PATIENT) as database:
        yield database


@pytest.fixture
async def user_id(database: Database) -> UUID:
    row = await database.write(users.create_user, email="ada@example.com", password_hash="#")
    return UUID(str(row.id))


async def start(database: Database, sign_in: SignIn, *, limits: SessionLimits = LIMITS) -> UUID:
    """The id of a new session, whose refresh token has the hash HASH."""
    session_id = uuid4()
    hashes = Hashes(FAMILY, HASH)
    await database.write(
        stored.start_session, sign_in, session_id, hashes, limits=limits, origin=ORIGIN
    )
    return session_id


async def refresh(
    database: Database,
    session_id: UUID,
    used: bytes,
    *successors: bytes,
    family: bytes = FAMILY,
    limits: SessionLimits = LIMITS,
    origin: Origin = ORIGIN,
) -> Refresh:
    return await database.write(
        stored.refresh_session,
        session_id,
        Hashes(family, used),
        successors=successors,
        limits=limits,
        origin=origin,
    )


async def make_older(database: Database, by: timedelta) -> None:
    """As if all that is stored about sessions had happened so much earlier."""
    await database.write(shift, by)


def read(connection: Connection, session_id: UUID) -> Row[Any]:
    return connection.execute(select(sessions).where(sessions.c.id == session_id)).one()


def ids(connection: Connection) -> set[UUID]:
    return set(connection.execute(select(sessions.c.id)).scalars())


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(sessions)).scalar_one()


def password_hash(connection: Connection) -> str:
    kept: str = connection.execute(select(tables.users.c.password_hash)).scalar_one()
    return kept


def close_account(connection: Connection) -> None:
    connection.execute(update(tables.users).values(active=False))


async def test_a_session_is_its_user_s(database: Database, user_id: UUID) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    assert await database.write(stored.sign_out, session_id) == user_id
    assert await database.write(stored.sign_out, session_id) is None
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


async def test_a_concurrent_password_change_comes_before_a_sign_in(
    database: Database, user_id: UUID, database_url: str
) -> None:
    gate = Gate()

    def change_password(connection: Connection) -> None:
        connection.execute(update(tables.users).values(password_hash="another"))
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
        assert await refresh(database, session_id, used, new) == Refresh(user_id, False, new)
    assert await database.read(count) == 1


async def test_a_used_token_ends_its_session_alone(database: Database, user_id: UUID) -> None:
    session_id, other_id = [await start(database, SignIn(user_id, "#")) for _ in range(2)]
    await refresh(database, session_id, HASH, OTHER_HASH)
    await refresh(database, session_id, OTHER_HASH, THIRD_HASH)
    again = await refresh(database, session_id, HASH, OTHER_HASH)
    assert again == Refresh(user_id, reused=True)
    nothing_left = await refresh(database, session_id, THIRD_HASH, HASH)
    assert nothing_left == Refresh(None, reused=False)
    assert (await refresh(database, other_id, HASH, OTHER_HASH)).user_id == user_id


async def test_a_token_that_is_made_up_changes_nothing(database: Database, user_id: UUID) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    before = await database.read(read, session_id)
    made_up = await refresh(database, session_id, OTHER_HASH, THIRD_HASH, family=OTHER_HASH)
    assert made_up == Refresh(None, reused=False)
    hashes = Hashes(OTHER_HASH, OTHER_HASH)
    assert await database.write(stored.sign_out_by_token, session_id, hashes) is None
    assert await database.read(read, session_id) == before


async def test_a_lost_answer_is_given_again_for_a_while(database: Database, user_id: UUID) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    await refresh(database, session_id, HASH, OTHER_HASH)
    refreshed_at = (await database.read(read, session_id)).refreshed_at
    for _ in range(2):
        again = await refresh(database, session_id, HASH, OTHER_HASH)
        assert again == Refresh(user_id, False, OTHER_HASH)
    kept = await database.read(read, session_id)
    assert (kept.refresh_hash, kept.refreshed_at) == (OTHER_HASH, refreshed_at)
    await make_older(database, RETRY_WINDOW)
    late = await refresh(database, session_id, HASH, OTHER_HASH)
    assert late == Refresh(user_id, reused=True)
    assert await database.read(count) == 0


async def test_a_token_gets_no_other_successor_than_the_one_it_had(
    database: Database, user_id: UUID
) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    await refresh(database, session_id, HASH, OTHER_HASH)
    other = await refresh(database, session_id, HASH, THIRD_HASH)
    assert other == Refresh(user_id, reused=True)


async def test_a_token_keeps_the_successor_that_an_earlier_key_made(
    database: Database, user_id: UUID
) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    first = await refresh(database, session_id, HASH, OTHER_HASH)
    refreshed_at = (await database.read(read, session_id)).refreshed_at
    again = await refresh(database, session_id, HASH, THIRD_HASH, OTHER_HASH)
    assert first == again == Refresh(user_id, False, OTHER_HASH)
    kept = await database.read(read, session_id)
    assert (kept.previous_hash, kept.refresh_hash) == (HASH, OTHER_HASH)
    assert kept.refreshed_at == refreshed_at
    following = await refresh(database, session_id, OTHER_HASH, THIRD_HASH, HASH)
    assert following == Refresh(user_id, False, THIRD_HASH)


async def test_all_that_use_a_token_at_once_get_the_same_successor(
    database: Database, user_id: UUID
) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    results = await asyncio.gather(
        *(refresh(database, session_id, HASH, OTHER_HASH) for _ in range(8))
    )
    assert results == [Refresh(user_id, False, OTHER_HASH)] * 8
    row = await database.read(read, session_id)
    assert (row.previous_hash, row.refresh_hash) == (HASH, OTHER_HASH)


async def test_no_refresh_goes_beyond_the_end(database: Database, user_id: UUID) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    begun = await database.read(read, session_id)
    assert begun.expires_at - begun.created_at == LIMITS.idle
    assert begun.ends_at - begun.created_at == LIMITS.total
    await make_older(database, DAY - timedelta(minutes=1))
    await refresh(database, session_id, HASH, OTHER_HASH)
    row = await database.read(read, session_id)
    assert row.expires_at == row.refreshed_at + LIMITS.idle < row.ends_at
    await make_older(database, DAY - timedelta(minutes=1))
    await refresh(database, session_id, OTHER_HASH, THIRD_HASH)
    await make_older(database, timedelta(minutes=5))
    await refresh(database, session_id, THIRD_HASH, HASH)
    row = await database.read(read, session_id)
    assert row.expires_at == row.ends_at < row.refreshed_at + LIMITS.idle
    await make_older(database, DAY)
    over = await refresh(database, session_id, HASH, OTHER_HASH)
    assert over == Refresh(None, reused=False)


async def test_a_session_is_never_longer_than_its_total(database: Database, user_id: UUID) -> None:
    limits = SessionLimits(idle=DAY, total=DAY / 2, most=3)
    row = await database.read(read, await start(database, SignIn(user_id, "#"), limits=limits))
    assert row.expires_at == row.ends_at == row.created_at + DAY / 2


@pytest.mark.parametrize("token", [HASH, OTHER_HASH], ids=["used", "unused"])
async def test_any_token_of_a_session_signs_out(
    database: Database, user_id: UUID, token: bytes
) -> None:
    session_id, other_id = [await start(database, SignIn(user_id, "#")) for _ in range(2)]
    await refresh(database, session_id, HASH, OTHER_HASH)
    hashes = Hashes(FAMILY, token)
    assert await database.write(stored.sign_out_by_token, session_id, hashes) == user_id
    assert await database.read(ids) == {other_id}


async def test_a_token_from_before_signs_out(database: Database, user_id: UUID) -> None:
    session_id = uuid4()
    await database.write(insert_session, session_id, user_id, DAY)
    hashes = Hashes(FAMILY, HASH)
    assert await database.write(stored.sign_out_by_token, session_id, hashes) == user_id


async def test_the_sessions_used_longest_ago_end(database: Database, user_id: UUID) -> None:
    other = await database.write(users.create_user, email="bob@example.com", password_hash="#")
    kept = {await start(database, SignIn(other.id, "#"))}
    first, second, third = [await start(database, SignIn(user_id, "#")) for _ in range(3)]
    await refresh(database, first, HASH, OTHER_HASH)
    fourth = await start(database, SignIn(user_id, "#"))
    assert await database.read(ids) == kept | {first, third, fourth}
    fifth = await start(database, SignIn(user_id, "#"))
    assert await database.read(ids) == kept | {first, fourth, fifth}
    assert second not in kept


async def test_a_new_session_stays_and_is_used_after_its_start_where_the_clock_was_set_back(
    database: Database, user_id: UUID
) -> None:
    older = [await start(database, SignIn(user_id, "#")) for _ in range(LIMITS.most)]
    await make_older(database, -DAY / 2)
    newest = await start(database, SignIn(user_id, "#"))
    left = await database.read(ids)
    assert newest in left
    assert len(left) == LIMITS.most
    await refresh(database, next(id_ for id_ in older if id_ in left), HASH, OTHER_HASH)
    listed = await database.read(list_sessions, Viewer.owner(user_id), None)
    assert len(listed) == LIMITS.most
    assert all(row.created_at <= row.last_used_at for row in listed)


async def test_concurrent_sign_ins_leave_at_most_the_allowed_sessions(
    database: Database, user_id: UUID
) -> None:
    started = await asyncio.gather(*(start(database, SignIn(user_id, "#")) for _ in range(8)))
    left = await database.read(ids)
    assert len(left) == LIMITS.most
    assert left < set(started)


async def test_a_session_knows_where_its_latest_tokens_were_asked_for(
    database: Database, user_id: UUID
) -> None:
    session_id = await start(database, SignIn(user_id, "#"))
    row = await database.read(read, session_id)
    assert (row.address, row.network, row.user_agent) == ORIGIN
    moved = Origin("203.0.113.7", "203.0.113.7", "x" * 1000)
    await refresh(database, session_id, HASH, OTHER_HASH, origin=moved)
    row = await database.read(read, session_id)
    assert (row.address, row.network, row.user_agent) == moved._replace(user_agent="x" * 200)


@pytest.mark.parametrize("why", ["expired", "closed"])
async def test_an_ended_session_cannot_be_refreshed(
    database: Database, user_id: UUID, why: str
) -> None:
    lifetime = -DAY if why == "expired" else DAY
    session_id = uuid4()
    await database.write(insert_session, session_id, user_id, lifetime)
    if why == "closed":
        await database.write(close_account)
    result = await refresh(database, session_id, HASH, OTHER_HASH)
    assert result == Refresh(None, reused=False)


def insert_session(
    connection: Connection, session_id: UUID, user_id: UUID, lifetime: timedelta
) -> None:
    now = datetime.now(UTC)
    hashes = {"family_hash": FAMILY, "refresh_hash": HASH}
    row = {"id": session_id, "user_id": user_id, "created_at": now, **hashes}
    times = {"expires_at": now + lifetime, "ends_at": now + lifetime}
    connection.execute(insert(sessions), {**row, **times})
