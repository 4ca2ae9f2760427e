"""What the document says about who may call: how one signs in, and which operations want that."""

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
        "description": "An access token that you have already.",
    },
}


def security(access: Access, *, auth_required: bool) -> list[Json]:
    """The alternatives, any of which is enough; an empty one is to send nothing."""
    if access is Access.EVERYONE:
        return []
    nothing: list[Json] = [{}]
    optional = access is Access.OWNERS and not auth_required
    return [*(nothing if optional else []), *({name: []} for name in SECURITY_SCHEMES)]
