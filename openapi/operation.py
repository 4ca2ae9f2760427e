"""What a view declares about itself: enough to validate, to serialize and to document."""

import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import UUID

from schemas.base import InputSchema, OutputSchema
from schemas.problems import ProblemType

View = Callable[..., Coroutine[Any, Any, Any]]


class Access(Enum):
    """Who may call an operation."""

    EVERYONE = "everyone"
    """Whoever asks; a token is not looked at."""
    OWNERS = "owners"
    """Users, for what is theirs; without a token too where the service asks for no account."""
    USERS = "users"
    """Whoever is signed in."""
    ADMINS = "admins"


class Limit(Enum):
    """Which rate limit an operation's requests are counted in."""

    NONE = "none"
    GENERAL = "general"
    """For each user, or else for each address."""
    LOGIN = "login"
    """For each address; not answered where it can't be counted."""
    REFRESH = "refresh"
    """For each session; a view counts it itself."""
    REGISTRATION = "registration"
    """As LOGIN."""


@dataclass(frozen=True, kw_only=True)
class ResponseHeader:
    """A header of a response. `value` makes it from what the view returns and the caller's user id;
    None leaves it out. `required`: it is never left out.
    """

    name: str
    description: str
    example: Any
    value: Callable[[Any, UUID | None], str | None] = lambda *_: None
    required: bool = False
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, kw_only=True)
class RequestHeader:
    """A header that the operation reads; it may be left out."""

    name: str
    description: str
    example: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method on one path. `problems` are all the ways it can fail; `conditional`: it answers
    304 to a client that knows the ETag; `max_body`: bytes that a body may have; `guard` is called
    before the body is read, and raises what refuses the request whatever is in it."""

    view: View
    query: type[InputSchema] | None
    body: type[InputSchema] | None
    returns: type[OutputSchema] | None
    status: int
    headers: tuple[ResponseHeader, ...]
    request_headers: tuple[RequestHeader, ...] = ()
    conditional: bool = False
    access: Access = Access.EVERYONE
    limit: Limit = Limit.GENERAL
    max_body: int = 0
    guard: Callable[[], None] | None = None
    problems: tuple[ProblemType, ...]

    def __post_init__(self) -> None:
        if not self.summary:
            raise TypeError(f"{self.operation_id}: its docstring is the summary")

    @property
    def operation_id(self) -> str:
        return self.view.__name__

    @property
    def summary(self) -> str:
        return self._docstring[0].rstrip(".")

    @property
    def description(self) -> str:
        return self._docstring[2].strip() or self.summary + "."

    @property
    def _docstring(self) -> tuple[str, str, str]:
        return (inspect.getdoc(self.view) or "").partition("\n")
