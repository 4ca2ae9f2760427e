"""Sign-ins, which open sessions, and refresh tokens, which keep them open."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Connection,
    LargeBinary,
    Row,
    bindparam,
    case,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from storage.accounts.sessions import BY_USER, END_ALL, LAST_USED_AT
from storage.accounts.tables import MAX_USER_AGENT, sessions, users
from storage.accounts.users import email_key
from storage.column_types import UtcDateTime
from storage.errors import SignedOut

RETRY_WINDOW = timedelta(seconds=10)
"""For how long a used refresh token gets its successor again: the response may have been lost."""


class SignIn(NamedTuple):
    """A user who has shown that they know a password. `rehashed`: its hash by today's parameters,
    where `password_hash`, the one they have, was made with others."""

    user_id: UUID
    password_hash: str
    rehashed: str | None = None


class Origin(NamedTuple):
    """Where a request for tokens came from; `network`: as RateLimits counts it."""

    address: str
    network: str
    user_agent: str | None = None


class SessionLimits(NamedTuple):
    """How long a session lasts without a refresh (`idle`) and with them (`total`), and how many
    sessions a user may have (`most`)."""

    idle: timedelta
    total: timedelta
    most: int


class Refresh(NamedTuple):
    """The outcome of a refresh. `user_id`: the token's user; None if it isn't valid. `reused`: the
    token had been used before, so its session has been ended. `successor`: the hash of the token
    that is valid now."""

    user_id: UUID | None
    reused: bool
    successor: bytes | None = None


class Hashes(NamedTuple):
    """SHA-256 of a refresh token's two parts: `family`, which all of the session have, and the
    whole `token`."""

    family: bytes
    token: bytes


def _moment(name: str) -> Any:
    return bindparam(name, type_=UtcDateTime)


def _hash(name: str) -> Any:
    return bindparam(name, type_=LargeBinary)


# Locks the user, so that a change of password or a deactivation either comes first or waits: no
# session is left open by it. Two sign-ins of one user wait for each other; writes of the user's
# rows don't.
CREDENTIALS_UNCHANGED = (
    select(users.c.id)
    .where(
        users.c.id == bindparam("user_id"),
        users.c.password_hash == bindparam("password_hash"),
        users.c.active,
    )
    .with_for_update(key_share=True)
)
FIND = select(
    users.c.id,
    users.c.password_hash,
    users.c.active,
    exists()
    .where(
        sessions.c.user_id == users.c.id,
        sessions.c.network == bindparam("network"),
        sessions.c.expires_at > _moment("now"),
    )
    .label("knows_network"),
).where(users.c.email_key == bindparam("key"))
REHASH = update(users).where(users.c.id == bindparam("this_user"))
INSERT = insert(sessions)
ACTIVE = select(users.c.id).where(users.c.id == sessions.c.user_id, users.c.active)
BY_ID = sessions.c.id == bindparam("session_id")

IN_FAMILY = sessions.c.family_hash == _hash("family")
IS_CURRENT = sessions.c.refresh_hash == _hash("used")
IS_RETRY = (
    (sessions.c.previous_hash == _hash("used"))
    & sessions.c.refresh_hash.in_(bindparam("successors", type_=LargeBinary, expanding=True))
    & sessions.c.refreshed_at.between(_moment("retried_since"), _moment("retried_until"))
)
IDLE_END = _moment("idle_end")
# One statement decides which of several concurrent requests uses a token. To run it again with the
# same token changes nothing that counts: the window for that isn't prolonged.
ROTATE = (
    update(sessions)
    .where(
        BY_ID,
        IN_FAMILY,
        or_(IS_CURRENT, IS_RETRY),
        sessions.c.expires_at > _moment("now"),
        ACTIVE.exists(),
    )
    .values(
        refresh_hash=case((IS_CURRENT, _hash("successor")), else_=sessions.c.refresh_hash),
        previous_hash=_hash("used"),
        refreshed_at=case((IS_CURRENT, _moment("now")), else_=sessions.c.refreshed_at),
        expires_at=case((sessions.c.ends_at < IDLE_END, sessions.c.ends_at), else_=IDLE_END),
        **{name: bindparam(f"its_{name}") for name in Origin._fields},
    )
    .returning(sessions.c.user_id, sessions.c.refresh_hash)
)
END = delete(sessions).where(BY_ID).returning(sessions.c.user_id)
END_REUSED = END.where(IN_FAMILY, ~IS_CURRENT)
END_BY_TOKEN = END.where(IN_FAMILY)
NEWEST = (
    select(sessions.c.id)
    .where(BY_USER)
    .order_by(LAST_USED_AT.desc(), sessions.c.id)
    .limit(bindparam("most"))
)
END_OLDEST = END_ALL.where(sessions.c.id.not_in(NEWEST))


def find_for_sign_in(
    connection: Connection, email: str, network: str
) -> Row[UUID, str | None, bool, bool] | None:
    """The user with this address: `id`, `password_hash`, `active`, and `knows_network`, whether a
    session of theirs got its latest tokens in `network`."""
    parameters = {"key": email_key(email), "network": network, "now": datetime.now(UTC)}
    return connection.execute(FIND, parameters).one_or_none()


def start_session(
    connection: Connection,
    sign_in: SignIn,
    session_id: UUID,
    hashes: Hashes,
    *,
    limits: SessionLimits,
    origin: Origin,
) -> None:
    """Open a session; those of the user beyond `limits.most` that were used longest ago end.

    Raises SignedOut if the account has been closed or has got another password meanwhile.
    """
    user_id, password_hash, rehashed = sign_in
    found = {"user_id": user_id, "password_hash": password_hash}
    if connection.execute(CREDENTIALS_UNCHANGED, found).one_or_none() is None:
        raise SignedOut
    if rehashed is not None:
        connection.execute(REHASH.values(password_hash=rehashed), {"this_user": user_id})
    now = datetime.now(UTC)
    row = {
        "id": session_id,
        "user_id": user_id,
        "family_hash": hashes.family,
        "refresh_hash": hashes.token,
        "created_at": now,
        "expires_at": now + min(limits.idle, limits.total),
        "ends_at": now + limits.total,
        **_bounded(origin),
    }
    # Before the new one, which may seem to be the oldest after the clock was set back.
    connection.execute(END_OLDEST, {"user_id": user_id, "most": limits.most - 1})
    connection.execute(INSERT, row)


def refresh_session(
    connection: Connection,
    session_id: UUID,
    used: Hashes,
    *,
    successors: Sequence[bytes],
    limits: SessionLimits,
    origin: Origin,
) -> Refresh:
    """Replace the session's refresh token `used` by the one whose hash is the first of
    `successors`; the others are those that it may have got by an earlier SECRET_KEY.

    Reuse is treated as theft and ends the session. It is returned, because an exception would roll
    the deletion back. Within RETRY_WINDOW, the last used token may be sent again, as long as its
    successor hasn't been used and is one of `successors`: it then stays.
    """
    now = datetime.now(UTC)
    token = {"session_id": session_id, "family": used.family, "used": used.token}
    times = {
        "now": now,
        "retried_since": now - RETRY_WINDOW,
        "retried_until": now + RETRY_WINDOW,  # later only after the clock was set back
        "idle_end": now + limits.idle,
    }
    origin_now = {f"its_{name}": value for name, value in _bounded(origin).items()}
    hashes = {"successor": successors[0], "successors": successors}
    row = connection.execute(ROTATE, {**token, **times, **origin_now, **hashes}).one_or_none()
    if row is not None:
        return Refresh(row.user_id, reused=False, successor=row.refresh_hash)
    user_id = connection.execute(END_REUSED, token).scalar_one_or_none()
    return Refresh(user_id, reused=user_id is not None)


def sign_out(connection: Connection, session_id: UUID) -> UUID | None:
    """End a session, and return its user's id; None if there is no such session."""
    return connection.execute(END, {"session_id": session_id}).scalar_one_or_none()


def sign_out_by_token(connection: Connection, session_id: UUID, token: Hashes) -> UUID | None:
    """The same for a refresh token of the session, used or not; another one ends nothing."""
    parameters = {"session_id": session_id, "family": token.family}
    return connection.execute(END_BY_TOKEN, parameters).scalar_one_or_none()


def _bounded(origin: Origin) -> dict[str, str | None]:
    agent = origin.user_agent
    return {**origin._asdict(), "user_agent": agent and agent[:MAX_USER_AGENT]}
