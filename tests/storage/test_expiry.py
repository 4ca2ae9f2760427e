"""What has expired is deleted, in portions, by any number of processes."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Connection, func, insert, select

from storage import Database, idempotency, open_database
from storage.accounts.sessions import delete_expired
from storage.accounts.tables import sessions
from storage.idempotency import DELETED_AT_ONCE
from tests.storage.test_users import user

DAY = timedelta(days=1)


def pile_up(connection: Connection, user_id: UUID, expired: int, valid: int) -> None:
    """As many sessions and as many answers of each kind."""
    now = datetime.now(UTC)
    for age, count in ((2 * DAY, expired), (timedelta(), valid)):
        session = {
            "user_id": user_id,
            "family_hash": b"",
            "refresh_hash": b"",
            "created_at": now - age,
        }
        expires_at = now - age + DAY
        answer = {"caller": "", "fingerprint": b"", "created_at": now - age, "status": 201}
        ids = [uuid4() for _ in range(count)]
        if ids:
            connection.execute(
                insert(sessions),
                [
                    {**session, "id": id_, "expires_at": expires_at, "ends_at": expires_at}
                    for id_ in ids
                ],
            )
            connection.execute(
                insert(idempotency.keys), [{**answer, "key": id_.hex} for id_ in ids]
            )


def counts(connection: Connection) -> tuple[int, int]:
    return tuple(  # type: ignore[return-value]  # of two
        connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (sessions, idempotency.keys)
    )


async def test_expired_rows_are_deleted_in_portions(database: Database) -> None:
    ada = await user(database)
    await database.write(pile_up, ada.id, DELETED_AT_ONCE + 1, 3)
    seen = []
    for _ in range(3):
        done = await database.write(delete_expired)
        seen.append((done, *await database.read(counts)))
    assert seen == [(False, 4, 4), (True, 3, 3), (True, 3, 3)]


async def test_processes_delete_side_by_side(database: Database, database_url: str) -> None:
    ada = await user(database)
    await database.write(pile_up, ada.id, 3 * DELETED_AT_ONCE, 3)
    async with open_database(database_url, auto_migrate=False) as another:
        await asyncio.gather(
            *(one.write(delete_expired) for one in (database, another) for _ in range(4))
        )
    assert await database.read(counts) == (3, 3)
