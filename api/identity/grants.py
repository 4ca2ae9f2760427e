"""The grants for which tokens are issued (RFC 6749): a password or a refresh token."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from flask import request

from api.config.settings import Settings
from api.identity.errors import InvalidGrant, InvalidToken
from api.identity.passwords import Passwords
from api.identity.refresh_tokens import RefreshToken, successors
from api.identity.tokens import AccessTokens
from api.limiting.attempts import HOME
from api.limiting.rate_limits import RateLimits
from api.observability import audit
from api.observability.request_log import current_record
from api.runtime.proxies import network
from api.runtime.services import service
from openapi.operation import Limit
from storage import Database
from storage.accounts import grants as stored
from storage.accounts import users
from storage.accounts.admission import Session
from storage.accounts.grants import Origin, SessionLimits, SignIn
from storage.errors import SignedOut

database = service(Database)
passwords = service(Passwords)
rate_limits = service(RateLimits)
settings = service(Settings)
tokens = service(AccessTokens)

WRONG = "The email address or the password is wrong."
"""The message is the same for a closed account, so that it reveals nothing."""
USED_UP = "The refresh token is invalid or no longer valid."


class TokenPair(NamedTuple):
    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str


async def sign_in(username: str, password: str) -> TokenPair:
    """Start a session. Raises InvalidGrant, PasswordsBusy, RateLimited and RedisUnavailable.

    The work is the same for every reason of InvalidGrant. The password is checked outside of the
    transaction, so that other writers don't wait for the hash.
    """
    await rate_limits.count(Limit.LOGIN, None)
    user = await _authenticated(username, password)
    outdated = passwords.needs_rehash(user.password_hash)
    rehashed = await passwords.hash(password) if outdated else None
    refresh_token = RefreshToken.new(uuid4())
    try:
        await database.write(
            stored.start_session,
            user._replace(rehashed=rehashed),
            refresh_token.session_id,
            refresh_token.hashes,
            limits=_limits(),
            origin=_origin(),
        )
    except SignedOut:
        audit.record("login_failed", user_id=user.user_id)
        raise InvalidGrant(WRONG) from None
    audit.record("login_succeeded", user_id=user.user_id)
    return _pair(refresh_token, user.user_id)


async def _authenticated(username: str, password: str) -> SignIn:
    """Return the user with this address and password. Raises as sign_in."""
    user = await database.read(stored.find_for_sign_in, username, _origin().network)
    user_id, known = (user.id, user.knows_network) if user else (None, False)
    account = users.email_key(username)
    async with rate_limits.attempts.attempt(account, user_id=user_id, known=known):
        matches = await passwords.verify(password, user.password_hash if user else None)
        if user is None or user.password_hash is None or not matches or not user.active:
            audit.record("login_failed", user_id=user_id)
            raise InvalidGrant(WRONG)
    return SignIn(user.id, user.password_hash)


async def refresh(text: str) -> TokenPair:
    """Continue a session with new tokens. Raises InvalidGrant and RateLimited.

    It counts for its session. It counts for its address only if it fails, because thousands of
    users may share an address.
    """
    token = RefreshToken.parse(text)
    if token is None:
        raise InvalidGrant(USED_UP)
    await rate_limits.count_refresh(token.family)
    by_hash = {one.hashes.token: one for one in successors(token, settings.secret_keys)}
    user_id, reused, successor = await database.write(
        stored.refresh_session,
        token.session_id,
        token.hashes,
        successors=list(by_hash),
        limits=_limits(),
        origin=_origin(),
    )
    if reused:
        audit.record("refresh_token_reused", user_id=user_id)
    if user_id is None or successor is None:
        raise InvalidGrant(USED_UP)
    await rate_limits.forgive()
    return _pair(by_hash[successor], user_id)


async def revoke(text: str) -> None:
    """End the session of an access or refresh token, if we issued it and the session is open."""
    refresh_token = RefreshToken.parse(text)
    if refresh_token is not None:
        user_id = await database.write(
            stored.sign_out_by_token, refresh_token.session_id, refresh_token.hashes
        )
    else:
        user_id = await _revoke_access_token(text)
    if user_id is not None:
        audit.record("logged_out", user_id=user_id)


async def _revoke_access_token(text: str) -> UUID | None:
    """End the session of an access token; return its user's id, or None if there was no session."""
    try:
        # Expired tokens are accepted: often a client has no other token to sign out with.
        session = tokens.verify(text, expired_too=True)
    except InvalidToken:
        return None
    return await database.write(stored.sign_out, session.id)


def _limits() -> SessionLimits:
    return SessionLimits(
        idle=timedelta(seconds=settings.refresh_token_seconds),
        total=timedelta(seconds=settings.session_max_seconds),
        most=settings.sessions_per_user,
    )


def _origin() -> Origin:
    record = current_record()
    return Origin(record.client, network(record.address, HOME), request.headers.get("User-Agent"))


def _pair(refresh_token: RefreshToken, user_id: UUID) -> TokenPair:
    access_token = tokens.issue(Session(refresh_token.session_id, user_id))
    return TokenPair(
        access_token, "Bearer", int(tokens.lifetime.total_seconds()), str(refresh_token)
    )
