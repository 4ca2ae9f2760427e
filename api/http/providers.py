"""Where a view's parameters get their values.

Each is annotated with a Provider, or is a variable of the path:

    Body = Annotated[T, Provider(read_body, errors=(UnsupportedMediaType,))]

    async def create_note(body: Body[NoteValues], caller: Caller) -> NoteRow: ...
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from api.config.settings import Settings
from api.http.request_caller import RequestCaller
from openapi.operation import Operation, RequestHeader, View
from schemas.base import InputSchema, OutputSchema
from storage.idempotency import Answer


@dataclass(kw_only=True)
class Call:
    """One request for an operation, as far as it has been read."""

    operation: Operation
    settings: Settings
    query: InputSchema
    body: InputSchema | None
    returns: OutputSchema | None
    caller: RequestCaller
    render: Callable[[Any], Answer]
    parsed: Any = None
    """The body before its validation; None until its provider has read it."""
    read_only: dict[str, Any] = field(default_factory=dict)
    """The members of a PUT's body that only a response has."""


@dataclass(frozen=True)
class Provider:
    """`read` gives the value, and raises what refuses the request. It is called outside of the
    view, which is awaited where no body can be read. Those with `last` are read after all others.

    `errors` and `headers` come into the document. `writes`: an operation with this parameter
    writes. `identifies`: the view gets the caller's data through this parameter; if it is
    `public` too, operations that everyone may call can have it. `translated` may replace an
    exception of the view by another one, given the value that the parameter had.
    """

    read: Callable[[Call], Any]
    errors: tuple[type[Exception], ...] = ()
    headers: tuple[RequestHeader, ...] = ()
    last: bool = False
    writes: bool = False
    identifies: bool = False
    public: bool = False
    declares: str | None = None
    """The argument of @operation that has to be given with this parameter, and only with it."""
    translated: Callable[[Exception, Any], Exception] | None = None


def providers_of(view: View) -> dict[str, Provider]:
    """By the names of the parameters, in the order in which they are read."""
    found = dict(_annotated(view))
    return dict(sorted(found.items(), key=lambda pair: pair[1].last))


def _annotated(view: View) -> Iterator[tuple[str, Provider]]:
    for name, annotation in get_type_hints(view, include_extras=True).items():
        for metadata in getattr(annotation, "__metadata__", ()):
            if isinstance(metadata, Provider):
                yield name, metadata
