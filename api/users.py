"""Users: your own account and, for admins, all accounts."""

from uuid import UUID

from flask import Blueprint

from api.http import paging
from api.http.caller import Caller
from api.http.errors import InvalidRequest
from api.http.inputs import Body, Query
from api.http.paging import PageOf
from api.http.preconditions import IfMatch
from api.identity.errors import PasswordsBusy
from api.identity.passwords import Passwords
from api.limiting.errors import RedisUnavailable
from api.limiting.rate_limits import RateLimits
from api.observability import audit
from api.operations import operation
from api.runtime.services import service
from openapi.operation import Access
from schemas import users as schemas
from schemas.pages import PageQuery
from schemas.passwords import error_in_password
from storage.accounts import credentials, deletion
from storage.accounts import users as stored
from storage.accounts.credentials import CredentialChanges, CredentialsRow
from storage.accounts.errors import EmailTaken, LastAdmin, UserNotFound, UserOwnsRows, WrongPassword
from storage.accounts.users import UserChanges, UserRow
from storage.errors import StillReferenced

CHANGES: dict[str, audit.Event] = {"email": "email_changed", "password": "password_changed"}
ACTIVITY: dict[bool, audit.Event] = {True: "user_reactivated", False: "user_deactivated"}

users = Blueprint("users", __name__, url_prefix="/api/users")
passwords = service(Passwords)
rate_limits = service(RateLimits)


@users.get("/me")
@operation(returns=schemas.User, access=Access.USERS)
async def get_current_user(caller: Caller) -> UserRow:
    """Read your own account."""
    return await caller.read(stored.get_current_user)


@users.patch("/me")
@operation(
    body=schemas.CurrentUserPatch,
    returns=schemas.User,
    access=Access.USERS,
    raises=[WrongPassword, EmailTaken, PasswordsBusy, RedisUnavailable],
)
async def update_current_user(
    body: Body[dict[str, str]], if_match: IfMatch, caller: Caller
) -> UserRow:
    """Change your email address or your password.

    Requires your current password. Ends your other sessions.
    """
    known = await _verified(caller, body["current_password"])
    user = await caller.write(
        credentials.update_credentials,
        await _credentials(body, known),
        if_match,
        known_hash=known.password_hash,
        session_id=caller.session_id,
    )
    for field, event in CHANGES.items():
        if field in body:
            audit.record(event, user_id=user.id)
    return user


@users.delete("/me")
@operation(
    body=schemas.CurrentUserDeletion,
    query=schemas.UserDeletionQuery,
    status=204,
    access=Access.USERS,
    raises=[
        WrongPassword,
        LastAdmin,
        UserOwnsRows,
        StillReferenced,
        PasswordsBusy,
        RedisUnavailable,
    ],
)
async def delete_current_user(
    body: Body[dict[str, str]], query: Query, if_match: IfMatch, caller: Caller
) -> None:
    """Delete your account.

    Requires your current password. Fails with 409 if you own data, unless `delete_owned=true`, and
    if data of another owner refers to yours. If it is interrupted, repeat the request.
    """
    known = await _verified(caller, body["current_password"])
    user_id = caller.user_id
    done = False
    while not done:  # in batches, so that other writes can run in between
        done = await caller.write(
            deletion.delete_current_user, if_match, known_hash=known.password_hash, **query
        )
    audit.record("user_deleted", user_id=user_id)


async def _verified(caller: Caller, password: str) -> CredentialsRow:
    """Return the caller's credentials if `password` is correct.

    Raises WrongPassword and PasswordsBusy. Attempts are limited, because passwords could be guessed
    here too, so RateLimited and RedisUnavailable are also raised.
    """
    user = await caller.read(credentials.get_credentials)
    if user.password_hash is None:
        raise WrongPassword
    await rate_limits.attempts.count_change(user.id)
    if not await passwords.verify(password, user.password_hash, signed_in=True):
        audit.record("current_password_refused", user_id=user.id)
        raise WrongPassword
    return user


async def _credentials(body: dict[str, str], known: CredentialsRow) -> CredentialChanges:
    """Return the changes that `body` asks for.

    Raises InvalidRequest if the new password consists of the account's address, which the schema of
    the body doesn't know.
    """
    changes: CredentialChanges = {}
    if "password" in body:
        error = error_in_password(body["password"], [known.email_key])
        if error is not None:
            raise InvalidRequest([{"detail": error, "pointer": "/password"}])
        changes["password_hash"] = await passwords.hash(body["password"], signed_in=True)
    if "email" in body:
        await rate_limits.attempts.count_new_email(known.id)
        changes["email"] = body["email"]
    return changes


@users.get("")
@operation(query=PageQuery, returns=schemas.UserPage, access=Access.ADMINS)
async def list_users(query: Query, caller: Caller) -> PageOf:
    """List users.

    The newest come first. Follow `next_cursor`, or the `Link` header, until it is null.
    """
    after = paging.decode(query)
    page = await caller.read(stored.list_users, limit=query["limit"], after=after)
    return PageOf(page.rows, paging.encode(page.next, query))


@users.get("/<id(but='me'):user_id>")
@operation(returns=schemas.User, access=Access.ADMINS, raises=[UserNotFound])
async def get_user(user_id: UUID, caller: Caller) -> UserRow:
    """Read a user."""
    return await caller.read(stored.get_user, user_id)


@users.patch("/<id(but='me'):user_id>")
@operation(
    body=schemas.UserPatch,
    returns=schemas.User,
    access=Access.ADMINS,
    raises=[UserNotFound, LastAdmin],
)
async def update_user(
    user_id: UUID, body: Body[UserChanges], if_match: IfMatch, caller: Caller
) -> UserRow:
    """Change a user's role, or whether the user is active.

    The change applies from the user's next request on. Deactivating a user ends all their sessions.
    """
    user = await caller.write(stored.update_user, user_id, body, if_match)
    if "role" in body:
        audit.record("role_changed", user_id=user_id, by=caller.user_id, role=user.role)
    if "active" in body:
        audit.record(ACTIVITY[user.active], user_id=user_id, by=caller.user_id)
    return user


@users.delete("/<id(but='me'):user_id>")
@operation(
    query=schemas.UserDeletionQuery,
    status=204,
    access=Access.ADMINS,
    raises=[UserNotFound, LastAdmin, UserOwnsRows, StillReferenced],
)
async def delete_user(user_id: UUID, query: Query, if_match: IfMatch, caller: Caller) -> None:
    """Delete a user.

    Fails with 409 if the user owns data, unless `delete_owned=true`, and if data of another owner
    refers to the user's. If it is interrupted, repeat the request: some of the data may already be
    deleted.
    """
    done = False
    while not done:  # in batches, so that other writes can run in between
        done = await caller.write(deletion.delete_user, user_id, if_match, **query)
    audit.record("user_deleted", user_id=user_id, by=caller.user_id)
