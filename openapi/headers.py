"""Headers that answers carry whatever their view does."""

from openapi.operation import ResponseHeader

REQUEST_ID = ResponseHeader(
    name="X-Request-ID",
    description="The id of this request: the one that was sent, if it was valid, or a new one.",
    example="0f8fad5bd9cb469fa16570867728950e",
    required=True,
)
RETRY_AFTER = ResponseHeader(
    name="Retry-After",
    description="After how many seconds it is worth trying again.",
    example=1,
    schema={"type": "integer", "minimum": 0},
)
CHALLENGE = ResponseHeader(
    name="WWW-Authenticate",
    description="Which credentials the operation takes, and what was wrong (RFC 6750 §3).",
    example="Bearer",
    required=True,
)
# draft-ietf-httpapi-ratelimit-headers-11: lists of structured fields (RFC 9651).
RATE_LIMIT = ResponseHeader(
    name="RateLimit",
    description="What is left of the limit that the request was counted in: `r` more requests, and "
    "`t` seconds until there are more again.",
    example='"general";r=1199;t=60',
)
RATE_LIMIT_POLICY = ResponseHeader(
    name="RateLimit-Policy",
    description="That limit: `q` requests in `w` seconds.",
    example='"general";q=1200;w=60',
)
