"""Sessions: one for each sign-in, for as long as its refresh tokens follow one another.

The row is the session: where it is gone, or too old, its tokens are worth nothing.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Uuid,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from storage.facts import SignedOut
from storage.tables import UtcDateTime, metadata
from storage.user_tables import users

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    # SHA-256 of the one refresh token that has not been used yet.
    Column("refresh_hash", LargeBinary(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
Index(None, sessions.c.user_id)
Index(None, sessions.c.expires_at)


class SignIn(NamedTuple):
    """Who has shown that they know a password. `rehashed`: its hash by today's parameters, where
    `password_hash`, the one they have, was made with others."""

    user_id: UUID
    password_hash: str
    rehashed: str | None = None


class Refresh(NamedTuple):
    """What became of a refresh token. `user_id`: whose it is; None where it is nobody's, or not
    any more. `reused`: it had been used before, and the session has been ended for it."""

    user_id: UUID | None
    reused: bool


# Whoever changes the password or closes the account meanwhile goes first or waits, so that no
# session comes to be behind their back. It doesn't hold up the user's items.
STILL_SO = (
    select(users.c.id)
    .where(
        users.c.id == bindparam("user_id"),
        users.c.password_hash == bindparam("password_hash"),
        users.c.active,
    )
    .with_for_update(key_share=True)
)
REHASH = update(users).where(users.c.id == bindparam("this_user"))
INSERT = insert(sessions)
ACTIVE = select(users.c.id).where(users.c.id == sessions.c.user_id, users.c.active)
OF_ID = sessions.c.id == bindparam("session_id")
OF_SECRET = sessions.c.refresh_hash == bindparam("used", type_=LargeBinary)
# The one statement that decides who of several comes first with a token.
ROTATE = (
    update(sessions)
    .where(
        OF_ID,
        OF_SECRET,
        sessions.c.expires_at > bindparam("now", type_=UtcDateTime),
        ACTIVE.exists(),
    )
    .returning(sessions.c.user_id)
)
END = delete(sessions).where(OF_ID).returning(sessions.c.user_id)
# Little at a time, and none that somebody else holds: each sign-in clears more than it leaves.
SWEPT = 100
EXPIRED = (
    select(sessions.c.id)
    .where(sessions.c.expires_at <= bindparam("now", type_=UtcDateTime))
    .order_by(sessions.c.expires_at)
    .limit(SWEPT)
    .with_for_update(skip_locked=True)
)
SWEEP = delete(sessions).where(sessions.c.id.in_(EXPIRED))


def start_session(
    connection: Connection,
    sign_in: SignIn,
    session_id: UUID,
    refresh_hash: bytes,
    *,
    lifetime: timedelta,
) -> None:
    """Raises SignedOut if the account has been closed or has got another password meanwhile."""
    user_id, password_hash, rehashed = sign_in
    found = {"user_id": user_id, "password_hash": password_hash}
    if connection.execute(STILL_SO, found).one_or_none() is None:
        raise SignedOut
    if rehashed is not None:
        connection.execute(REHASH.values(password_hash=rehashed), {"this_user": user_id})
    now = datetime.now(UTC)
    row = {"id": session_id, "user_id": user_id, "refresh_hash": refresh_hash}
    connection.execute(INSERT, {**row, "created_at": now, "expires_at": now + lifetime})
    connection.execute(SWEEP, {"now": now})


def refresh_session(
    connection: Connection,
    session_id: UUID,
    *,
    used: bytes,
    refresh_hash: bytes,
    lifetime: timedelta,
) -> Refresh:
    """Take the token whose hash is `used` for the one whose hash is `refresh_hash`.

    A token that was used before is in two hands, and nobody can tell which are the right ones: the
    session ends. That is returned, not raised, since what raises is rolled back.
    """
    now = datetime.now(UTC)
    this = {"session_id": session_id, "used": used}
    rotate = ROTATE.values(refresh_hash=refresh_hash, expires_at=now + lifetime)
    user_id = connection.execute(rotate, {**this, "now": now}).scalar_one_or_none()
    if user_id is not None:
        return Refresh(user_id, reused=False)
    user_id = connection.execute(END.where(~OF_SECRET), this).scalar_one_or_none()
    return Refresh(user_id, reused=user_id is not None)


def end_session(connection: Connection, session_id: UUID) -> UUID | None:
    """Whose session it was; None if there is none."""
    return connection.execute(END, {"session_id": session_id}).scalar_one_or_none()
