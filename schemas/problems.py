"""The one body of every error: problem details as RFC 9457 defines them."""

from dataclasses import dataclass
from typing import ClassVar

from marshmallow import fields

from schemas.base import OutputSchema


class ProblemError(OutputSchema):
    """One thing that is wrong with the request, and where; one of the three places is given."""

    optional = frozenset({"pointer", "parameter", "header"})
    example: ClassVar = {"detail": "Must not be blank.", "pointer": "/name"}

    detail = fields.String(
        metadata={"description": "What is wrong.", "examples": ["Must not be blank."]}
    )
    pointer = fields.String(
        metadata={
            "description": "Where in the request body: a JSON pointer (RFC 6901).",
            "examples": ["/name"],
        }
    )
    parameter = fields.String(
        metadata={"description": "Which query parameter.", "examples": ["limit"]}
    )
    header = fields.String(
        metadata={"description": "Which request header.", "examples": ["Content-Type"]}
    )


class Problem(OutputSchema):
    """What went wrong, for programs and for people."""

    # Together the examples are those of one invalid request.

    type = fields.String(
        metadata={
            "description": "The kind of problem: a relative address with a page about it.",
            "format": "uri-reference",
            "examples": ["/errors/invalid-request"],
        }
    )
    title = fields.String(
        metadata={"description": "The kind of problem, in words.", "examples": ["Invalid request"]}
    )
    status = fields.Integer(metadata={"description": "The HTTP status again.", "examples": [400]})
    detail = fields.String(
        metadata={
            "description": "What went wrong this time.",
            "examples": ["/name: Must not be blank."],
        }
    )
    error = fields.String(
        metadata={
            "description": "The same sentence as `detail`, for simple clients.",
            "examples": ["/name: Must not be blank."],
        }
    )
    errors = fields.List(
        fields.Nested(ProblemError),
        metadata={"description": "Each thing that is wrong with the request; empty otherwise."},
    )
    request_id = fields.String(
        metadata={
            "description": "The id of this request, as in `X-Request-ID` and in the log.",
            "examples": ["0f8fad5bd9cb469fa16570867728950e"],
        }
    )


@dataclass(frozen=True, kw_only=True)
class ProblemType:
    """One kind of problem: a row of the table that answers, document and error pages share.

    `retry_after` is in seconds; None where trying again doesn't help. `challenge`: the value of
    WWW-Authenticate (RFC 6750 §3). `code`: OAuth 2.0's word for it (RFC 6749 §5.2), which is then
    the `error` of an answer in plain JSON.
    """

    slug: str
    status: int
    title: str
    detail: str
    meaning: str
    remedy: str
    retry_after: int | None = None
    challenge: str | None = None
    code: str | None = None
    schema: type[Problem] = Problem

    @property
    def uri(self) -> str:
        return f"/errors/{self.slug}"

    @property
    def media_type(self) -> str:
        return "application/problem+json" if self.code is None else "application/json"
