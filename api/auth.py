"""Registration, sign-in and sign-out."""

from typing import Any

from flask import Blueprint

from api.config.settings import Settings
from api.http.idempotency_keys import IdempotentWrite
from api.http.inputs import Body
from api.identity import errors, grants
from api.identity.grants import TokenPair
from api.identity.passwords import Passwords
from api.limiting.errors import RedisUnavailable
from api.observability import audit
from api.operations import operation
from api.runtime.services import service
from openapi.operation import Limit, ResponseHeader
from schemas import tokens as schemas
from schemas.users import User, UserInput
from storage import DatabaseUnavailable
from storage.accounts import users
from storage.accounts.errors import EmailTaken
from storage.accounts.users import UserRow
from storage.idempotency import StoredResponse

auth = Blueprint("auth", __name__, url_prefix="/api/auth")
settings = service(Settings)
passwords = service(Passwords)

NO_CACHE = ResponseHeader(
    name="Pragma",
    required=True,
    description="`no-cache`, for caches of HTTP/1.0 (RFC 6749 §5.1).",
    example="no-cache",
    value=lambda *_: "no-cache",
)


def require_open_registration() -> None:
    """Raise RegistrationClosed if the settings don't allow registration."""
    if not settings.registration:
        raise errors.RegistrationClosed


@auth.post("/register")
@operation(
    body=UserInput,
    returns=User,
    status=201,
    limit=Limit.REGISTRATION,
    guard=require_open_registration,
    raises=[errors.RegistrationClosed, EmailTaken, errors.PasswordsBusy],
)
async def register_user(
    body: Body[dict[str, Any]], write: IdempotentWrite
) -> UserRow | StoredResponse:
    """Register.

    New accounts have the role `user`. Sign in at `/api/auth/token` with the same address and
    password. With an `Idempotency-Key` the request can be sent again if its response was lost.
    """
    password_hash = await passwords.hash(body["password"])
    user = await write(
        lambda connection, _: users.create_user(
            connection, email=body["email"], password_hash=password_hash
        )
    )
    if not isinstance(user, StoredResponse):
        audit.record("user_registered", user_id=user.id)
    return user


@auth.post("/token")
@operation(
    body=schemas.TokenRequest,
    returns=schemas.TokenPair,
    headers=[NO_CACHE],
    oauth=True,
    raises=[
        RedisUnavailable,
        errors.InvalidGrant,
        errors.UnsupportedGrantType,
        errors.PasswordsBusy,
        DatabaseUnavailable,
    ],
)
async def create_token(body: Body[dict[str, str]]) -> TokenPair:
    """Sign in, or get new tokens for a refresh token.

    An OAuth 2.0 token endpoint (RFC 6749): `grant_type` is `password` or `refresh_token`. A refresh
    token can be used once. Reuse is treated as theft and ends the session, with one exception:
    within 10 seconds, and before its successor is used, the same token gets the same successor.
    """
    match body["grant_type"]:
        case "password":
            return await grants.sign_in(body["username"], body["password"])
        case "refresh_token":
            return await grants.refresh(body["refresh_token"])
    raise errors.UnsupportedGrantType


@auth.post("/logout")
@operation(
    body=schemas.TokenRevocation,
    status=204,
    oauth=True,
    raises=[DatabaseUnavailable],
)
async def revoke_token(body: Body[dict[str, str]]) -> None:
    """Sign out.

    Immediately ends the session of an access token or a refresh token (RFC 7009). A token without a
    session gets the same response.
    """
    await grants.revoke(body["token"])
