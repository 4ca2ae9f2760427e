"""The security schemes of the document, and the operations that need them."""

from typing import Any

from openapi.operation import Access

Json = dict[str, Any]

SECURITY_SCHEMES: dict[str, Json] = {
    "oauth2": {
        "type": "oauth2",
        "description": "Sign in with email and password (OAuth 2.0, RFC 6749 §4.3).",
        "flows": {"password": {"tokenUrl": "api/auth/token", "scopes": {}}},
    },
    "bearer": {
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
    nothing: list[Json] = [{}]
    optional = access is Access.OWNERS and not auth_required
    return [*(nothing if optional else []), *({name: []} for name in SECURITY_SCHEMES)]
