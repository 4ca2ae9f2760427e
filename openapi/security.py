"""The security schemes of the document, and the operations that need them."""

from openapi import Json
from openapi.operation import Access


def security_schemes(token_url: str) -> dict[str, Json]:
    """Return the schemes; `token_url` is where an account gets its tokens."""
    password = {"tokenUrl": token_url, "refreshUrl": token_url, "scopes": {}}
    # In the order of their names: openapi-generator sorts them, and applies all of them. Its client
    # for TypeScript sends the bare token for the first and corrects that for the second.
    return {
        "oauth2": {
            "type": "oauth2",
            "description": "Sign in with email and password (OAuth 2.0, RFC 6749 §4.3).",
            "flows": {"password": password},
        },
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token that you already have.",
        },
    }


def security(access: Access, *, auth_required: bool) -> list[Json]:
    """Return the alternatives, of which one is enough; an empty one means no credentials."""
    if access is Access.PUBLIC:
        return []
    optional = access is Access.OWNERS and not auth_required
    nothing: list[Json] = [{}] if optional else []
    return [*nothing, {"oauth2": []}, {"token": []}]
