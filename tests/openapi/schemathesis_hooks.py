"""What schemathesis can't know when it makes valid requests; invalid ones it makes undisturbed."""

import os
from typing import Any
from uuid import uuid4

import httpx
import jwt
from schemathesis import AuthContext, Case, HookContext, Response, auth, hook
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from schemas.characters import is_blank
from tests.factory import PASSWORD

FORM = "application/x-www-form-urlencoded"
CLIENT = httpx.Client()
"""One for all cases: each new one reads the system's certificates."""


ENDING = {"delete_current_user", "end_session", "end_sessions"}
"""Operations that end the session in which they are called. A user of their own calls them, so that
the session of all other calls stays open."""
CHANGING = {"update_user", "delete_user"}
"""Operations with which the calling admin may change or delete that user."""
EXPENDABLE: dict[str, str] = {}
"""The Authorization of that user, until one of these operations has succeeded."""


@auth(refresh_interval=None)
class SignedIn:
    """The Authorization of each call, but of those that schemathesis makes without one."""

    def get(self, case: Case[Any], context: AuthContext) -> str:
        return os.environ["AUTHORIZATION"]

    def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
        case.headers["Authorization"] = data


@hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    keep_signed_in(case)
    if "cursor" in case.query and is_valid(case, ParameterLocation.QUERY):
        # A cursor is signed: none that is made up, the document's example included, is one.
        del case.query["cursor"]
        address = f"{case.operation.base_url}{case.formatted_path}"
        signed_in = {k: v for k, v in case.headers.items() if k == "Authorization"}
        cursor = next_cursor(address, case.query, signed_in)
        if cursor is not None:
            case.query["cursor"] = cursor
    for name in ("If-Match", "If-None-Match"):
        # The number 0, made as a value of another type, it takes for valid once it is the text "0",
        # though the documented pattern forbids it. Other malformed values are sent.
        if str(case.headers.get(name)) == "0":
            del case.headers[name]
    if "If-Match" in case.headers and is_valid(case, ParameterLocation.HEADER):
        # One that is made up never holds: the write behind it would not be tested.
        case.headers["If-Match"] = "*"
    if isinstance(case.body, dict) and is_valid(case, ParameterLocation.BODY):
        if case.media_type == FORM:
            # An unknown parameter is ignored, yet must not be there twice (RFC 6749 §3.2).
            case.body = {
                key: one for key, one in case.body.items() if not isinstance(one, list | dict)
            }
        # To JSON Schema 5.0 is an integer; here it isn't, and no keyword could say so.
        case.body = {key: without_fraction(value) for key, value in case.body.items()}
        # Nor can a pattern exclude all invisible characters in every language.
        case.body = {key: visible(value) for key, value in case.body.items()}
        if case.media_type != FORM:
            # Nor does it know a password, or which are common. It stays the same, whatever else
            # changes.
            known = {"password", "current_password"} & case.body.keys()
            case.body |= dict.fromkeys(known, PASSWORD)


def visible(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return list(dict.fromkeys(map(visible, value)))
    return "x" if value and isinstance(value, str) and is_blank(value) else value


def keep_signed_in(case: Case[Any]) -> None:
    """Direct calls that end a session or change a role at the expendable user."""
    operation_id, address = case.operation.definition.raw["operationId"], case.operation.base_url
    if operation_id in ENDING and str(case.headers.get("Authorization")).startswith("Bearer ey"):
        case.headers["Authorization"] = expendable_user(address)
    if operation_id == "end_session" and is_valid(case, ParameterLocation.PATH):
        # No made-up id is that of a session.
        case.path_parameters["session_id"] = claim(expendable_user(address), "sid")
    if case.path_parameters.get("user_id") == claim(os.environ["AUTHORIZATION"], "sub"):
        case.path_parameters["user_id"] = claim(expendable_user(address), "sub")


@hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    if (
        case.operation.definition.raw["operationId"] in ENDING | CHANGING
        and response.status_code < 300
    ):
        EXPENDABLE.clear()


def expendable_user(address: str | None) -> str:
    """Return the Authorization header of a user that may be deleted."""
    if not EXPENDABLE:
        email = f"{uuid4()}@example.com"
        account = {"email": email, "password": PASSWORD}
        CLIENT.post(f"{address}/api/auth/register", json=account).raise_for_status()
        grant = {"grant_type": "password", "username": email, "password": PASSWORD}
        answer = CLIENT.post(f"{address}/api/auth/token", data=grant).raise_for_status()
        EXPENDABLE["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return EXPENDABLE["Authorization"]


def claim(authorization: str, name: str) -> str:
    token = authorization.removeprefix("Bearer ")
    return str(jwt.decode(token, options={"verify_signature": False})[name])


def is_valid(case: Case[Any], place: ParameterLocation) -> bool:
    """Whether schemathesis means this part of the request to be valid."""
    part = case.meta.components.get(place) if case.meta else None
    return part is None or part.mode is GenerationMode.POSITIVE


def next_cursor(address: str, query: dict[str, Any], headers: Any) -> str | None:
    """Return the cursor of the first page of the same list: None if the list has one entry, or if
    the caller may not see it."""
    response = CLIENT.get(address, params={**query, "limit": 1}, headers=headers)
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return None
    cursor: str | None = response.raise_for_status().json()["next_cursor"]
    return cursor


def without_fraction(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
