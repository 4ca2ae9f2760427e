"""The security schemes of the document, and the operations that need them."""

from copy import deepcopy
from typing import Any

from openapi.operation import Access

Json = dict[str, Any]

SIGN_IN = "api/auth/token"
# In the order of their names: openapi-generator sorts them, and applies all of them. Its client for
# TypeScript sends the bare token for the first and corrects that for the second.
SECURITY_SCHEMES: dict[str, Json] = {
    "oauth2": {
        "type": "oauth2",
        "description": "Sign in with email and password (OAuth 2.0, RFC 6749 §4.3).",
        "flows": {"password": {"tokenUrl": SIGN_IN, "refreshUrl": SIGN_IN, "scopes": {}}},
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token that you already have.",
    },
}


def security_schemes(public_url: str) -> dict[str, Json]:
    """Return the schemes, with absolute addresses if there is a `public_url`."""
    schemes = deepcopy(SECURITY_SCHEMES)
    flow = schemes["oauth2"]["flows"]["password"]
    for name in ("tokenUrl", "refreshUrl"):
        flow[name] = f"{public_url}/{flow[name]}" if public_url else flow[name]
    return schemes


def security(access: Access, *, auth_required: bool) -> list[Json]:
    """Return the alternatives, of which one is enough; an empty one means no credentials."""
    if access is Access.PUBLIC:
        return []
    nothing: list[Json] = [{}]
    optional = access is Access.OWNERS and not auth_required
    return [*(nothing if optional else []), *({name: []} for name in SECURITY_SCHEMES)]
