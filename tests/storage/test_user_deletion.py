"""Users who delete themselves, and what goes with them; for admins see test_users.py."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Connection, insert, select

from storage import Database, idempotency
from storage.accounts import deletion, tables, users
from storage.accounts.errors import LastAdmin, UserOwnsRows, WrongPassword
from storage.accounts.users import UserRow
from storage.collections import collection
from storage.collections.preconditions import ANY_VERSION, Precondition, Version
from storage.collections.viewers import ANONYMOUS
from storage.errors import StillReferenced, VersionConflict
from storage.idempotency import DELETED_AT_ONCE
from tests.bookings import BOOKINGS
from tests.gizmos import GIZMOS, GizmoNotFound
from tests.storage.test_collections import booking
from tests.storage.test_users import GIZMO, admin, user, viewer


async def delete(
    database: Database,
    row: UserRow,
    precondition: Precondition = ANY_VERSION,
    *,
    known_hash: str = "#",
    delete_owned: bool = False,
) -> bool:
    """By the user of `row` themselves."""
    return await database.write(
        deletion.delete_current_user,
        viewer(row),
        precondition,
        known_hash=known_hash,
        delete_owned=delete_owned,
    )


async def exists(database: Database, row: UserRow) -> bool:
    return await database.read(users.find_by_email, row.email) is not None


def keep_answers(connection: Connection, user_id: UUID, count: int) -> None:
    answer = {"fingerprint": b"", "created_at": datetime.now(UTC), "status": 201}
    rows = [{**answer, "caller": user_id.hex, "key": str(n)} for n in range(count)]
    connection.execute(insert(idempotency.keys), rows)


def callers(connection: Connection) -> set[str]:
    return set(connection.execute(select(idempotency.keys.c.caller)).scalars())


async def test_a_user_deletes_themselves(database: Database) -> None:
    ada, bob = await user(database), await user(database, "bob@example.com")
    assert await delete(database, ada)
    assert [await exists(database, row) for row in (ada, bob)] == [False, True]


async def test_not_with_another_password_or_version(database: Database) -> None:
    ada = await user(database)
    with pytest.raises(WrongPassword):
        await delete(database, ada, known_hash="##")
    with pytest.raises(VersionConflict):
        await delete(database, ada, Precondition(frozenset({Version(2, ada.id)})))
    assert await exists(database, ada)


async def test_the_last_admin_is_not_removed(database: Database) -> None:
    boss, _ = await admin(database)
    with pytest.raises(LastAdmin):
        await delete(database, boss)
    await admin(database, "other")
    assert await delete(database, boss)


async def test_a_user_who_became_the_last_admin_meanwhile_is_not_deleted(
    database: Database,
) -> None:
    ada = await user(database)
    boss, as_boss = await admin(database)
    await database.write(users.update_user, as_boss, ada.id, {"role": tables.ADMIN})
    await database.write(users.update_user, as_boss, boss.id, {"role": tables.USER})
    with pytest.raises(LastAdmin):
        await delete(database, ada)  # as the user that they were


async def test_gizmos_go_only_if_asked(database: Database) -> None:
    ada = await user(database)
    created = await database.write(GIZMOS.create, viewer(ada), GIZMO)
    with pytest.raises(UserOwnsRows):
        await delete(database, ada)
    assert await delete(database, ada, delete_owned=True)
    _, boss = await admin(database)
    with pytest.raises(GizmoNotFound):
        await database.read(GIZMOS.get, boss, created.id)


@pytest.mark.parametrize("owner", ["an admin", "nobody"])
async def test_no_row_is_deleted_while_a_row_of_another_owner_refers_to_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    monkeypatch.setattr(collection, "DELETED_AT_ONCE", 1)  # as if there were thousands
    _, boss = await admin(database)
    ada = await user(database)
    rows = [await database.write(GIZMOS.create, viewer(ada), GIZMO) for _ in range(2)]
    await database.write(BOOKINGS.create, viewer(ada), booking(1, gizmo_id=rows[0].id))
    other = boss if owner == "an admin" else ANONYMOUS
    refers = await database.write(BOOKINGS.create, other, booking(2, gizmo_id=rows[0].id))
    for delete_owned, error in ((False, UserOwnsRows), (True, StillReferenced)):
        with pytest.raises(error):
            await delete(database, ada, delete_owned=delete_owned)
    assert len((await database.read(GIZMOS.page, viewer(ada), {}, limit=9)).rows) == 2
    assert len((await database.read(BOOKINGS.page, viewer(ada), {}, limit=9)).rows) == 1
    await database.write(BOOKINGS.delete, boss, refers.id)
    done = [await delete(database, ada, delete_owned=True) for _ in range(2)]
    assert done == [False, True]


async def test_the_answers_stored_for_a_user_go_too(database: Database) -> None:
    _, boss = await admin(database)
    ada, bob = await user(database), await user(database, "bob@example.com")
    for row in (ada, bob):
        await database.write(keep_answers, row.id, 3)
    assert await database.write(deletion.delete_user, boss, ada.id)
    assert await database.read(callers) == {bob.id.hex}


async def test_many_answers_go_in_portions(database: Database) -> None:
    ada = await user(database)
    await database.write(keep_answers, ada.id, DELETED_AT_ONCE + 1)
    assert [await delete(database, ada) for _ in range(2)] == [False, True]
    assert await database.read(callers) == set()
