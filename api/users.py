"""Users: your own account; for admins, everybody's."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint

from api import audit, cursors
from api.context import passwords, rate_limits
from api.contract import operation
from api.errors import InvalidRequest
from api.headers import ACCEPT_PATCH, ETAG, NEXT_PAGE, PAGE_ETAG
from api.identity.caller import Caller
from api.identity.passwords import PasswordsBusy
from api.limiting.refusals import RedisUnavailable
from openapi.operation import Access
from schemas.pages import PageQuery
from schemas.passwords import objection_to
from schemas.users import CurrentUserPatch, User, UserDeletionQuery, UserPage, UserPatch
from storage import credentials
from storage import users as stored
from storage.credentials import CredentialChanges, WrongPassword
from storage.users import (
    EmailTaken,
    LastAdmin,
    UserChanges,
    UserHasItems,
    UserNotFound,
    UserRow,
)
from storage.versions import Precondition

CHANGES: dict[str, audit.Event] = {"email": "email_changed", "password": "password_changed"}
ACTIVITY: dict[bool, audit.Event] = {True: "user_reactivated", False: "user_deactivated"}

users = Blueprint("users", __name__, url_prefix="/api/users")


class KnownCredentials(NamedTuple):
    email_key: str
    password_hash: str


class UsersOfPage(NamedTuple):
    users: Sequence[UserRow]
    next_cursor: str | None


@users.get("/me")
@operation(returns=User, headers=[ETAG], access=Access.USERS)
async def get_current_user(caller: Caller) -> UserRow:
    """Read your own account."""
    return await caller.read(stored.get_current_user)


@users.patch("/me")
@operation(
    body=CurrentUserPatch,
    returns=User,
    headers=[ETAG, ACCEPT_PATCH],
    access=Access.USERS,
    raises=[WrongPassword, EmailTaken, PasswordsBusy, RedisUnavailable],
)
async def update_current_user(
    body: dict[str, str], if_match: Precondition, caller: Caller
) -> UserRow:
    """Change your email address or your password.

    Both need your current password. Your other sessions end.
    """
    known = await _verified(caller, body["current_password"])
    _reject_own_address(body, known.email_key)
    user = await caller.write(
        credentials.update_credentials,
        await _credentials(body),
        if_match,
        known_hash=known.password_hash,
        session_id=caller.session_id,
    )
    for field, event in CHANGES.items():
        if field in body:
            audit.record(event, user_id=user.id)
    return user


def _reject_own_address(body: dict[str, str], email: str) -> None:
    """The address that isn't changed is unknown to the body's schema. Raises InvalidRequest."""
    objection = objection_to(body["password"], [email]) if "password" in body else None
    if objection is not None:
        raise InvalidRequest([{"detail": objection, "pointer": "/password"}])


async def _verified(caller: Caller, password: str) -> KnownCredentials:
    """The caller's credentials, if `password` is theirs. Raises WrongPassword, and what
    RateLimits.attempt raises: passwords can be guessed here as well."""
    user = await caller.read(credentials.get_credentials)
    if user.password_hash is None:
        raise WrongPassword
    async with rate_limits.attempt(user.email_key):
        if not await passwords.verify(password, user.password_hash):
            audit.record("current_password_refused", user_id=user.id)
            raise WrongPassword
    return KnownCredentials(user.email_key, user.password_hash)


async def _credentials(body: dict[str, str]) -> CredentialChanges:
    changes: CredentialChanges = {}
    if "email" in body:
        changes["email"] = body["email"]
    if "password" in body:
        changes["password_hash"] = await passwords.hash(body["password"])
    return changes


@users.get("")
@operation(query=PageQuery, returns=UserPage, headers=[PAGE_ETAG, NEXT_PAGE], access=Access.ADMINS)
async def list_users(query: dict[str, Any], caller: Caller) -> UsersOfPage:
    """List users.

    The newest first. Follow `next_cursor`, or the `Link` header, until it is null.
    """
    after = cursors.decode(query)
    page = await caller.read(stored.list_users, limit=query["limit"], after=after)
    return UsersOfPage(page.rows, cursors.encode(page.next, query))


@users.get("/<id(but='me'):user_id>")
@operation(returns=User, headers=[ETAG], access=Access.ADMINS, raises=[UserNotFound])
async def get_user(user_id: UUID, caller: Caller) -> UserRow:
    """Read a user."""
    return await caller.read(stored.get_user, user_id)


@users.patch("/<id(but='me'):user_id>")
@operation(
    body=UserPatch,
    returns=User,
    headers=[ETAG, ACCEPT_PATCH],
    access=Access.ADMINS,
    raises=[UserNotFound, LastAdmin],
)
async def update_user(
    user_id: UUID, body: UserChanges, if_match: Precondition, caller: Caller
) -> UserRow:
    """Change what a user may do.

    It holds from their next request on. Who is deactivated is signed out everywhere.
    """
    user = await caller.write(stored.update_user, user_id, body, if_match)
    if "role" in body:
        audit.record("role_changed", user_id=user_id, by=caller.user_id, role=user.role)
    if "active" in body:
        audit.record(ACTIVITY[user.active], user_id=user_id, by=caller.user_id)
    return user


@users.delete("/<id(but='me'):user_id>")
@operation(
    query=UserDeletionQuery,
    status=204,
    access=Access.ADMINS,
    raises=[UserNotFound, LastAdmin, UserHasItems],
)
async def delete_user(
    user_id: UUID, query: dict[str, bool], if_match: Precondition, caller: Caller
) -> None:
    """Delete a user.

    One who has items is left as they are, unless `delete_items` says that these go too. If that
    is cut short, some of the items may be gone: send it again.
    """
    done = False
    while not done:  # many items go a part at a time: others write in between
        done = await caller.write(stored.delete_user, user_id, if_match, **query)
    audit.record("user_deleted", user_id=user_id, by=caller.user_id)
