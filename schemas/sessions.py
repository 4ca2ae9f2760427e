"""Sessions: the sign-ins of a user."""

from marshmallow import fields

from schemas.base import OutputSchema
from schemas.fields import Timestamp, about
from schemas.resource import TIMESTAMP


class Session(OutputSchema):
    """One sign-in of a user, which its refresh tokens keep open."""

    id = fields.UUID(
        metadata=about(
            "The `sid` of the session's access tokens.", "9b2d7c1a-0f4e-4b8e-8a57-2f1f6f0c9d3e"
        )
    )
    created_at = Timestamp(metadata=about("When the user signed in.", TIMESTAMP))
    last_used_at = Timestamp(
        metadata=about(
            "When the session's latest tokens were issued.", "2026-11-20T11:15:00.123456Z"
        )
    )
    expires_at = Timestamp(
        metadata=about(
            "When the session ends, unless its tokens are refreshed before.",
            "2026-12-20T11:15:00.123456Z",
        )
    )
    address = fields.String(
        allow_none=True,
        metadata=about(
            "The IP address that requested the latest tokens; null if unknown.", "203.0.113.7"
        ),
    )
    user_agent = fields.String(
        allow_none=True,
        metadata=about(
            "The first 200 characters of the client's `User-Agent` header; null if it sent none.",
            "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        ),
    )
    current = fields.Boolean(
        metadata=about("Whether the request's access token belongs to this session.", True)
    )


class SessionList(OutputSchema):
    """All open sessions of a user."""

    sessions = fields.List(
        fields.Nested(Session),
        metadata={"description": "The sessions, most recently used first."},
    )
