"""What tokens are given for (RFC 6749): a password, or the refresh token of an earlier time."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from api import audit
from api.context import database, passwords, rate_limits, settings, tokens
from api.identity.refresh_tokens import RefreshToken
from api.identity.refusals import InvalidGrant
from api.identity.tokens import InvalidToken
from storage import sessions, users
from storage.admission import Session
from storage.facts import SignedOut
from storage.sessions import SignIn

WRONG = "The email address or the password is wrong."
"""Which of them, or whether the account is closed, nobody is told."""
USED_UP = "The refresh token is not valid, or not any more."


class TokenPair(NamedTuple):
    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str


async def sign_in(username: str, password: str) -> TokenPair:
    """A new session. Raises InvalidGrant, after the same work whatever is wrong, PasswordsBusy,
    RateLimited and RedisUnavailable.

    The password is looked at outside of the transaction, which nobody else should wait for.
    """
    user = await database.read(users.find_by_email, username)
    async with rate_limits.attempt(users.email_key(username)):
        matches = await passwords.verify(password, user.password_hash if user else None)
        if user is None or not matches or not user.active:
            audit.record("login_failed", user_id=user and user.id)
            raise InvalidGrant(WRONG)
    outdated = passwords.needs_rehash(user.password_hash)
    rehashed = await passwords.hash(password) if outdated else None
    refresh_token = RefreshToken.new(uuid4())
    try:
        await database.write(
            sessions.start_session,
            SignIn(user.id, user.password_hash, rehashed),
            refresh_token.session_id,
            refresh_token.digest,
            lifetime=_lifetime(),
        )
    except SignedOut:
        audit.record("login_failed", user_id=user.id)
        raise InvalidGrant(WRONG) from None
    audit.record("login_succeeded", user_id=user.id)
    return _pair(refresh_token, user.id)


async def refresh(text: str) -> TokenPair:
    """Go on with a session. Raises InvalidGrant."""
    token = RefreshToken.parse(text)
    if token is None:
        raise InvalidGrant(USED_UP)
    following = RefreshToken.new(token.session_id)
    user_id, reused = await database.write(
        sessions.refresh_session,
        token.session_id,
        used=token.digest,
        refresh_hash=following.digest,
        lifetime=_lifetime(),
    )
    if reused:
        audit.record("refresh_token_reused", user_id=user_id)
    if reused or user_id is None:
        raise InvalidGrant(USED_UP)
    return _pair(following, user_id)


async def revoke(text: str) -> None:
    """End the session of a token of either kind, if it is one of ours and there is one."""
    session_id = _session_of(text)
    if session_id is None:
        return
    user_id = await database.write(sessions.end_session, session_id)
    if user_id is not None:
        audit.record("logged_out", user_id=user_id)


def _session_of(text: str) -> UUID | None:
    refresh_token = RefreshToken.parse(text)
    if refresh_token is not None:
        return refresh_token.session_id
    try:
        # An access token that has expired is often all that is left to sign out with.
        return tokens.verify(text, expired_too=True).id
    except InvalidToken:
        return None


def _lifetime() -> timedelta:
    return timedelta(seconds=settings.refresh_token_seconds)


def _pair(refresh_token: RefreshToken, user_id: UUID) -> TokenPair:
    access_token = tokens.issue(Session(refresh_token.session_id, user_id))
    return TokenPair(
        access_token, "Bearer", int(tokens.lifetime.total_seconds()), str(refresh_token)
    )
