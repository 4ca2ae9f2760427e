"""Signed-in users, created without hashing a password, which would be slow."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from sqlalchemy import Connection, func, insert, select

from api.identity.tokens import AccessTokens
from api.runtime.async_flask import AsyncFlask
from storage import Database
from storage.accounts.admission import Session
from storage.accounts.tables import USER, sessions, users
from storage.accounts.users import UserRow, create_user
from tests.factory import PASSWORD

# Of the least work that there is: none of it is to be waited for.
HASH = PasswordHasher(memory_cost=8, time_cost=1, parallelism=1).hash(PASSWORD)


class Account(NamedTuple):
    """A user and one of their sessions; `headers` are those of a request that they send."""

    user: UserRow
    session: Session
    headers: dict[str, str]


async def account(
    app: AsyncFlask,
    role: str = USER,
    *,
    email: str | None = None,
    password_hash: str = HASH,
    database: Database | None = None,
) -> Account:
    """A new user of `app`, signed in; with PASSWORD and, by default, an address that
    nobody else has.

    `database`: the way to the same data, for who isn't on the loop that `app` runs on.
    """
    database = database or app.services[Database]
    user = await database.write(
        create_user,
        email=email or f"{role}-{secrets.token_hex(6)}@example.com",
        password_hash=password_hash,
        role=role,
    )
    return await another_session(app, user, database=database)


async def another_session(
    app: AsyncFlask, user: UserRow, *, database: Database | None = None
) -> Account:
    """A new session of `user`."""
    session = Session(uuid4(), user.id)
    await (database or app.services[Database]).write(start_session, session)
    return Account(
        user, session, {"Authorization": f"Bearer {app.services[AccessTokens].issue(session)}"}
    )


async def signed_in(app: AsyncFlask, role: str = USER) -> dict[str, str]:
    """The headers of a new user's requests."""
    return (await account(app, role)).headers


def start_session(connection: Connection, session: Session) -> None:
    """For Database.write."""
    now = datetime.now(UTC)
    row = {
        "id": session.id,
        "user_id": session.user_id,
        "family_hash": secrets.token_bytes(32),
        "refresh_hash": secrets.token_bytes(32),
        "created_at": now,
        "expires_at": now + timedelta(days=1),
        "ends_at": now + timedelta(days=1),
    }
    connection.execute(insert(sessions), row)


def sessions_of(connection: Connection, user_id: UUID) -> list[UUID]:
    """The ids of a user's sessions, for Database.read."""
    return list(
        connection.execute(sessions.select().where(sessions.c.user_id == user_id)).scalars()
    )


def count_users(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(users)).scalar_one()
