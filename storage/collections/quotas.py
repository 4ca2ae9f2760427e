"""How many items a user may have, kept without counting them for each.

`users.items_at_most` is never less than they have: whatever creates an item adds one in the same
transaction, and holds the user's row until it ends, so that concurrent creates can't exceed the
quota. Deletions take nothing off. When the number meets the quota, the items are counted anew.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, func, insert, literal, select, update

from storage.accounts.tables import users
from storage.errors import QuotaExceeded, SignedOut
from storage.item_tables import PUBLIC, items

UNLIMITED = 2**31 - 1

OWNER = users.c.id == bindparam("reserver")
RESERVE = (
    update(users)
    .where(OWNER, users.c.items_at_most < bindparam("quota"))
    .values(items_at_most=users.c.items_at_most + 1)
)
NEWEST = select(func.max(items.c.created_at)).scalar_subquery()
RESERVE_ONE = RESERVE.returning(NEWEST.label("newest"))
"""For SQLite, where it takes the place of a statement that asks for the newest item alone."""

ROOM = RESERVE.returning(users.c.id).cte("room")
VALUES = [column for column in items.c if column.name not in {"seq", "owner_id"}]
RESERVE_AND_INSERT = (
    insert(items)
    .from_select(
        [*VALUES, items.c.owner_id],
        # Not by their columns' names, which SQLAlchemy would take for values of the UPDATE.
        select(*(bindparam(f"new_{c.name}", type_=c.type) for c in VALUES), ROOM.c.id),
    )
    .returning(*PUBLIC)
)
"""For PostgreSQL, in one round trip; inserts nothing where there is no room."""

# Waits for creates that are under way; those that come later wait for this transaction.
LOCK = select(users.c.id).where(OWNER).with_for_update(key_share=True)
OWNED = select(literal(1)).where(items.c.owner_id == bindparam("reserver"))
COUNT = select(func.count()).select_from(OWNED.limit(bindparam("quota")).subquery())
RESET = update(users).where(OWNER).values(items_at_most=bindparam("number"))


class Room(NamedTuple):
    """One more item of the user's has been allowed. `newest`: when any item was last created."""

    newest: datetime | None


def reserve(connection: Connection, user_id: UUID, quota: int) -> Room | None:
    """Add one to what the user has at most; None where that is `quota` already."""
    row = connection.execute(RESERVE_ONE, {"reserver": user_id, "quota": quota}).one_or_none()
    return None if row is None else Room(row.newest)


def insert_reserved(
    connection: Connection, user_id: UUID, quota: int, values: dict[str, Any]
) -> Any:
    """The same, and the item inserted."""
    this = {f"new_{name}": value for name, value in values.items()}
    this |= {"reserver": user_id, "quota": quota}
    return connection.execute(RESERVE_AND_INSERT, this).one_or_none()


def recount(connection: Connection, user_id: UUID, quota: int) -> None:
    """Find out whether the user has less than `quota` after all: some may have been deleted.

    Raises QuotaExceeded, and SignedOut where the user has been deleted.
    """
    this = {"reserver": user_id}
    if connection.execute(LOCK, this).one_or_none() is None:
        raise SignedOut
    # A statement of its own: it sees what was committed while the lock was waited for.
    number = connection.execute(COUNT, {**this, "quota": quota}).scalar_one()
    if number >= quota:
        raise QuotaExceeded(quota)
    connection.execute(RESET, {**this, "number": number})
