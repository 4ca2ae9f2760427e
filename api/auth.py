"""Accounts and tokens: register, sign in, sign out."""

from typing import Any

from flask import Blueprint

from api import audit
from api.context import database, passwords, settings
from api.contract import operation
from api.headers import ETAG
from api.identity import grants
from api.identity.grants import TokenPair
from api.identity.passwords import PasswordsBusy
from api.identity.refusals import (
    InvalidGrant,
    InvalidTokenRequest,
    RegistrationClosed,
    UnsupportedGrantType,
)
from api.limiting.refusals import RedisUnavailable
from openapi.operation import Limit, ResponseHeader
from schemas import tokens as schemas
from schemas.users import User, UserInput
from storage import DatabaseUnavailable, users
from storage.users import EmailTaken, UserRow

auth = Blueprint("auth", __name__, url_prefix="/api/auth")

NO_CACHE = ResponseHeader(
    name="Pragma",
    required=True,
    description="`no-cache`, for caches of HTTP/1.0 (RFC 6749 §5.1).",
    example="no-cache",
    value=lambda *_: "no-cache",
)


def require_open_registration() -> None:
    """Raises RegistrationClosed."""
    if not settings.registration:
        raise RegistrationClosed


@auth.post("/register")
@operation(
    body=UserInput,
    returns=User,
    status=201,
    headers=[ETAG],
    limit=Limit.REGISTRATION,
    guard=require_open_registration,
    raises=[RegistrationClosed, EmailTaken, PasswordsBusy, DatabaseUnavailable],
)
async def register_user(body: dict[str, Any]) -> UserRow:
    """Register.

    Whoever registers is a `user`; sign in at `/api/auth/token` with the same address and password.
    """
    password_hash = await passwords.hash(body["password"])
    user = await database.write(users.create_user, email=body["email"], password_hash=password_hash)
    audit.record("user_registered", user_id=user.id)
    return user


@auth.post("/token")
@operation(
    body=schemas.TokenRequest,
    returns=schemas.TokenPair,
    headers=[NO_CACHE],
    raises=[
        RedisUnavailable,
        InvalidTokenRequest,
        InvalidGrant,
        UnsupportedGrantType,
        PasswordsBusy,
        DatabaseUnavailable,
    ],
)
async def create_token(body: dict[str, str]) -> TokenPair:
    """Sign in, or get new tokens for a refresh token.

    As OAuth 2.0 has it (RFC 6749): `grant_type` is `password` or `refresh_token`. A refresh token
    is good for one use. Reuse is treated as theft and ends the session; only within 10 seconds,
    and before its successor is used, the same token gets that successor again.
    """
    match body["grant_type"]:
        case "password":
            return await grants.sign_in(body["username"], body["password"])
        case "refresh_token":
            return await grants.refresh(body["refresh_token"])
    raise UnsupportedGrantType


@auth.post("/logout")
@operation(
    body=schemas.TokenRevocation, status=204, raises=[InvalidTokenRequest, DatabaseUnavailable]
)
async def revoke_token(body: dict[str, str]) -> None:
    """Sign out.

    Ends the session of an access token or a refresh token at once (RFC 7009); a token of no
    session is fine as well.
    """
    await grants.revoke(body["token"])
