"""Headers that don't depend on the view."""

from openapi.operation import RequestHeader, ResponseHeader

REQUEST_ID = ResponseHeader(
    name="X-Request-ID",
    description="The id of this request: the one that the client sent, if valid, or a new one.",
    example="0f8fad5bd9cb469fa16570867728950e",
    required=True,
)
SENT_REQUEST_ID = RequestHeader(
    name=REQUEST_ID.name,
    description="An id for this request, 1 to 128 visible ASCII characters. The response and the "
    "log contain it. An invalid id is replaced by a new one.",
    example=REQUEST_ID.example,
    schema={"type": "string"},
)
RETRY_AFTER = ResponseHeader(
    name="Retry-After",
    description="The number of seconds to wait before a retry.",
    example=1,
    schema={"type": "integer", "minimum": 0},
)
CHALLENGE = ResponseHeader(
    name="WWW-Authenticate",
    description="The credentials that the operation requires, and what was wrong (RFC 6750 §3).",
    example='Bearer realm="api"',
    required=True,
)
# draft-ietf-httpapi-ratelimit-headers-11: lists of structured fields (RFC 9651).
RATE_LIMIT = ResponseHeader(
    name="RateLimit",
    description="What is left of the limit in which the request was counted: `r` requests now, and "
    "more of them after `t` seconds.",
    example='"general";r=1199;t=60',
)
RATE_LIMIT_POLICY = ResponseHeader(
    name="RateLimit-Policy",
    description="The limit in which the request was counted: `q` requests in `w` seconds.",
    example='"general";q=1200;w=60',
)
