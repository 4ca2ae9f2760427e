"""What schemathesis can't know when it makes valid requests; invalid ones it makes undisturbed."""

from typing import Any

import httpx
from schemathesis import Case, HookContext, hook
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

from tests.factory import PASSWORD

FORM = "application/x-www-form-urlencoded"
CLIENT = httpx.Client()
"""One for all cases: each new one reads the system's certificates."""


@hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    if "cursor" in case.query and is_valid(case, ParameterLocation.QUERY):
        # A cursor is signed: none that is made up, the document's example included, is one.
        del case.query["cursor"]
        address = f"{case.operation.base_url}{case.formatted_path}"
        cursor = next_cursor(address, case.query, kwargs.get("headers"))
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
        if case.media_type != FORM:
            # Nor does it know a password, or which are common. It stays the same, whatever else
            # changes.
            known = {"password", "current_password"} & case.body.keys()
            case.body |= dict.fromkeys(known, PASSWORD)


def is_valid(case: Case[Any], place: ParameterLocation) -> bool:
    """Whether schemathesis means this part of the request to be valid."""
    part = case.meta.components.get(place) if case.meta else None
    return part is None or part.mode is GenerationMode.POSITIVE


def next_cursor(address: str, query: dict[str, Any], headers: Any) -> str | None:
    """That of the first page of the same list, None while that has but one entry, or for whoever
    may not see it."""
    response = CLIENT.get(address, params={**query, "limit": 1}, headers=headers)
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return None
    cursor: str | None = response.raise_for_status().json()["next_cursor"]
    return cursor


def without_fraction(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
