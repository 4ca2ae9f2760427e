"""The body of every error: problem details (RFC 9457)."""

from dataclasses import dataclass
from typing import ClassVar

from marshmallow import fields

from schemas.base import OutputSchema
from schemas.fields import about


class ProblemError(OutputSchema):
    """One error in the request. Its place is given by `pointer`, `parameter` or `header`."""

    optional = frozenset({"pointer", "parameter", "header"})
    example: ClassVar = {"detail": "Must not be blank.", "pointer": "/name"}

    detail = fields.String(metadata=about("What is wrong.", "Must not be blank."))
    pointer = fields.String(
        metadata=about("The place in the request body, as a JSON pointer (RFC 6901).", "/name")
    )
    parameter = fields.String(metadata=about("The name of the query parameter.", "limit"))
    header = fields.String(metadata=about("The name of the request header.", "Content-Type"))


class Problem(OutputSchema):
    """What went wrong, for programs and for people."""

    # The examples of all fields together describe one invalid request.

    type = fields.String(
        metadata=about(
            "The type of the problem: the relative address of a page about it.",
            "/errors/invalid-request",
            format="uri-reference",
        )
    )
    title = fields.String(metadata=about("The name of the type.", "Invalid request"))
    status = fields.Integer(metadata=about("The status of the response.", 400))
    detail = fields.String(
        metadata=about("What went wrong in this request.", "/name: Must not be blank.")
    )
    error = fields.String(
        metadata=about(
            "The same sentence as `detail`, for simple clients.", "/name: Must not be blank."
        )
    )
    errors = fields.List(
        fields.Nested(ProblemError),
        metadata={"description": "Each error in the request; empty if it has no errors."},
    )
    request_id = fields.String(
        metadata=about(
            "The id of this request, as in `X-Request-ID` and in the log.",
            "0f8fad5bd9cb469fa16570867728950e",
        )
    )


@dataclass(frozen=True, kw_only=True)
class ProblemType:
    """One type of problem: a row of the table from which responses, the document and the error
    pages are made.

    `meaning`: what the type means in general, if `detail` doesn't say it. `retry_after`: in
    seconds; None if a retry doesn't help. `challenge`: the value of WWW-Authenticate (RFC 6750 §3).
    `code`: the error code of OAuth 2.0 (RFC 6749 §5.2); it is the `error` of the response, which is
    then plain JSON.
    """

    slug: str
    status: int
    detail: str
    remedy: str
    meaning: str = ""
    retry_after: int | None = None
    challenge: str | None = None
    code: str | None = None
    schema: type[Problem] = Problem

    @property
    def title(self) -> str:
        return self.slug.replace("-", " ").capitalize()

    @property
    def description(self) -> str:
        return self.meaning or self.detail

    @property
    def uri(self) -> str:
        return f"/errors/{self.slug}"

    @property
    def media_type(self) -> str:
        return "application/problem+json" if self.code is None else "application/json"
