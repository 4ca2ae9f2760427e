"""Requests for tokens and their responses (OAuth 2.0, RFC 6749)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields
from marshmallow.decorators import validates_schema

from schemas.base import FormInput, OutputSchema
from schemas.fields import Choice, Text, about
from schemas.passwords import EXAMPLE, Password
from schemas.problems import Problem

GRANTS = {"password": ("username", "password"), "refresh_token": ("refresh_token",)}
"""The parameters that each kind of grant needs."""
ACCESS_TOKEN = about("Send it as `Authorization: Bearer <access_token>`.", "<your access token>")
REFRESH_TOKEN = about(
    "Can be used once, for a new access token and a new refresh token.", "<your refresh token>"
)


class Token(Text):
    """Text of visible ASCII and blanks, as OAuth defines tokens (RFC 6749 appendix A)."""

    max_bytes_each = 3

    def __init__(self, *, metadata: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(metadata={"pattern": "^[ -~]*$", **metadata}, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        token = super()._deserialize(value, attr, data, **kwargs)
        if not (token.isascii() and token.isprintable()):
            raise ValidationError("Must be visible ASCII characters and blanks.")
        return token


class GrantType(Choice):
    """The kind of credentials that a token request contains."""

    choices = tuple(GRANTS)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators = []  # OAuth has its own error code for an unknown grant
        self.max_length = 50


class TokenType(Choice):
    """Always `Bearer` (RFC 6750)."""

    choices = ("Bearer",)


class TokenErrorCode(Choice):
    """OAuth's code of an error in a token request."""

    choices = (
        "invalid_request",
        "invalid_grant",
        "unsupported_grant_type",
        "temporarily_unavailable",
        "server_error",
    )


class TokenRequest(FormInput):
    """A password grant (RFC 6749 §4.3.2), which needs `username` and `password`, or a refresh token
    grant (§6), which needs `refresh_token`. Other parameters are ignored."""

    example: ClassVar = {
        "grant_type": "password",
        "username": "ada@example.com",
        "password": EXAMPLE,
    }

    grant_type = GrantType(required=True)
    username = Text(
        max_length=254,
        metadata=about("The email address that the user registered with.", "ada@example.com"),
    )
    password = Password(max_length=128, metadata=about("The user's password.", EXAMPLE))
    refresh_token = Token(max_length=200, metadata=REFRESH_TOKEN)

    @validates_schema
    def whole(self, data: Mapping[str, Any], **_: Any) -> None:
        needed = GRANTS.get(data.get("grant_type", ""), ())
        missing = [name for name in needed if name not in data]
        if missing:
            raise ValidationError({name: ["This grant needs it."] for name in missing})


class TokenPair(OutputSchema):
    """An access token, and a refresh token to get the next one (RFC 6749 §5.1)."""

    personal = True

    access_token = fields.String(metadata=ACCESS_TOKEN)
    token_type = TokenType()
    expires_in = fields.Integer(
        metadata=about("The number of seconds for which the access token is valid.", 900)
    )
    refresh_token = fields.String(metadata=REFRESH_TOKEN)


class TokenRevocation(FormInput):
    """A token of the session to end (RFC 7009 §2.1). Other parameters are ignored."""

    token = Token(
        required=True,
        min_length=1,
        max_length=4096,
        metadata=about("The session's access token or refresh token.", "<your refresh token>"),
    )


class TokenProblem(Problem):
    """An error in a token request, with the members of OAuth 2.0 (RFC 6749 §5.2)."""

    example: ClassVar = {
        "type": "/errors/invalid-request",
        "title": "Invalid request",
        "status": 400,
        "detail": "/password: This grant needs it.",
        "error": "invalid_request",
        "errors": [{"detail": "This grant needs it.", "pointer": "/password"}],
        "request_id": "0f8fad5bd9cb469fa16570867728950e",
        "error_description": "/password: This grant needs it.",
    }

    error = TokenErrorCode()
    error_description = fields.String(
        metadata=about(
            "The same sentence as `detail`, in the characters that OAuth allows.",
            "/password: This grant needs it.",
        )
    )
