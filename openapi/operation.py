"""The declaration of an operation, from which it is validated, serialized and documented."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import UUID

from schemas.base import InputSchema, OutputSchema
from schemas.deprecation import Deprecation
from schemas.problems import ProblemType

View = Callable[..., Coroutine[Any, Any, Any]]


class Access(Enum):
    """The callers that may use an operation."""

    PUBLIC = "public"
    """Anyone; tokens are ignored."""
    OWNERS = "owners"
    """Users, for their own resources; while AUTH_REQUIRED is off, also requests without a token."""
    USERS = "users"
    """Signed-in users."""
    ADMINS = "admins"


class Limit(Enum):
    """Which rate limit an operation's requests are counted in."""

    NONE = "none"
    GENERAL = "general"
    """Per user, or per address without a user."""
    LOGIN = "login"
    """Per address; requests are refused while they can't be counted."""
    REFRESH = "refresh"
    """Per session; the view counts it itself."""
    REGISTRATION = "registration"
    """Like LOGIN."""


@dataclass(frozen=True, kw_only=True)
class ResponseHeader:
    """A header of a response.

    `value` makes it from the view's result and the caller's user id; None leaves the header out.
    `required`: it is never left out.
    """

    name: str
    description: str
    example: Any
    value: Callable[[Any, UUID | None], str | None] = lambda *_: None
    required: bool = False
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, kw_only=True)
class RequestHeader:
    """An optional header that the operation reads."""

    name: str
    description: str
    example: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What a view declares of its operation.

    `guard` is called before the body is read, and raises an error to refuse the request regardless
    of its body. `oauth`: its errors have OAuth's form.
    """

    query: type[InputSchema] | None = None
    body: type[InputSchema] | None = None
    returns: type[OutputSchema] | None = None
    status: int = 200
    headers: Sequence[ResponseHeader] = ()
    access: Access = Access.PUBLIC
    limit: Limit = Limit.GENERAL
    guard: Callable[[], None] | None = None
    oauth: bool = False
    deprecated: Deprecation | None = None


@dataclass(frozen=True, kw_only=True)
class Operation(Declaration):
    """One method on one path: its declaration, and what follows from it.

    `docstring`: its first line is the summary. `headers` and `problems`: all of them. `rules`: the
    fields of a body that have a rule besides those of its schema, each with a sentence about it.
    `conditional`: it answers 304 when If-None-Match matches. `max_body`: the maximum bytes of a
    body.
    """

    view: View
    operation_id: str
    docstring: str
    request_headers: tuple[RequestHeader, ...] = ()
    rules: tuple[tuple[str, str], ...] = ()
    conditional: bool = False
    max_body: int = 0
    problems: tuple[ProblemType, ...] = ()

    def __post_init__(self) -> None:
        if not self.summary:
            raise TypeError(f"{self.operation_id}: its docstring is the summary")

    @property
    def summary(self) -> str:
        return self.docstring.partition("\n")[0].rstrip(".")

    @property
    def description(self) -> str:
        about = self.docstring.partition("\n")[2].strip() or self.summary + "."
        return f"{about}\n\n{self.deprecated}" if self.deprecated else about
