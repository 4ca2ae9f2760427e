"""Where a view's parameters get their values.

Each is a variable of the path, is annotated with a Provider (as Body is in api/http/inputs.py), or
has a class with a `provider` (as Caller in api/http/caller.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_type_hints

from flask import Request

from api.config.settings import Settings
from openapi.operation import Operation, RequestHeader, View
from schemas.base import InputSchema, OutputSchema
from storage.idempotency import StoredResponse

if TYPE_CHECKING:
    from api.http.caller import Caller


@dataclass(kw_only=True)
class RequestInputs:
    """What the parameters of one call of a view are made from."""

    operation: Operation
    settings: Settings
    request: Request
    query: InputSchema
    body: InputSchema | None
    returns: OutputSchema | None
    caller: "Caller"
    render: Callable[[Any], StoredResponse]
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
    `public` too, operations that everyone may call can have it.
    """

    read: Callable[[RequestInputs], Any]
    errors: tuple[type[Exception], ...] = ()
    headers: tuple[RequestHeader, ...] = ()
    last: bool = False
    writes: bool = False
    identifies: bool = False
    public: bool = False
    declares: str | None = None
    """The argument of @operation that has to be given with this parameter, and only with it."""


def providers_of(view: View) -> dict[str, Provider]:
    """By the names of the parameters, in the order in which they are read."""
    found: dict[str, Provider] = {}
    for name, annotation in get_type_hints(view, include_extras=True).items():
        candidates = getattr(annotation, "__metadata__", (getattr(annotation, "provider", None),))
        found.update((name, each) for each in candidates if isinstance(each, Provider))
    return dict(sorted(found.items(), key=lambda pair: pair[1].last))
