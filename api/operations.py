"""The declaration on a view, and what it does: validate, call, serialize.

    @items.patch("/<id:item_id>")
    @operation(body=ItemPatch, returns=Item, headers=[ETAG], raises=[ItemNotFound])
    async def update_item(item_id: UUID, body: ItemChanges, if_match: Precondition) -> ItemRow: ...

The view gets by name what it has parameters for: the path's variables, `query` and `body`
validated, `caller` (api/identity/caller.py), `if_match` (api/http/preconditions.py), `once`
(api/http/idempotency_keys.py). What it returns is
serialized by `returns`. The document is made from the same declaration.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, request
from werkzeug import exceptions as http

from api.config.settings import Settings
from api.http.errors import InvalidRequest
from api.http.headers import complete
from api.http.idempotency_keys import IDEMPOTENCY_KEY, Once, read_key
from api.http.inputs import load_body, load_query, read_body
from api.http.preconditions import (
    IF_MATCH,
    IF_NONE_MATCH,
    MISSING,
    is_known,
    read_precondition,
    require_match,
)
from api.identity.caller import Caller, find_credentials
from api.identity.errors import InvalidTokenRequest
from api.identity.key_set import ProviderUnavailable
from api.identity.tokens import InvalidToken
from api.limiting.errors import RateLimited, RedisUnavailable
from api.limiting.rate_limits import RateLimits
from api.observability.request_log import current_record
from api.problems import problem_of
from api.runtime.async_flask import AsyncFlask, this_app
from openapi.operation import Access, Limit, Operation, RequestHeader, ResponseHeader, View
from schemas.base import InputSchema, OutputSchema
from storage import DatabaseUnavailable
from storage.errors import KeyInUse, KeyReused, NotAdmin, VersionConflict
from storage.idempotency import Answer


class NoQuery(InputSchema):
    """No parameters at all: an unknown one is refused everywhere."""


OF_EVERY_OPERATION = (Exception, http.MisdirectedRequest)
# What comes into the document with a parameter of the view.
ERRORS_OF: dict[str, tuple[type[Exception], ...]] = {
    "body": (http.RequestTimeout, http.RequestEntityTooLarge, http.UnsupportedMediaType),
    "if_match": (VersionConflict, http.PreconditionRequired),
    "caller": (DatabaseUnavailable,),
    "once": (KeyReused, KeyInUse, DatabaseUnavailable),
}
SIGN_IN: tuple[type[Exception], ...] = (http.Unauthorized, InvalidToken, ProviderUnavailable)
ERRORS_OF_ACCESS: dict[Access, tuple[type[Exception], ...]] = {
    Access.PUBLIC: (),
    Access.OWNERS: SIGN_IN,
    Access.USERS: SIGN_IN,
    Access.ADMINS: (*SIGN_IN, NotAdmin),
}
ERRORS_OF_LIMIT: dict[Limit, tuple[type[Exception], ...]] = {
    Limit.NONE: (),
    Limit.GENERAL: (RateLimited,),
    Limit.LOGIN: (RateLimited, RedisUnavailable),
    Limit.REFRESH: (RateLimited,),
    Limit.REGISTRATION: (RateLimited, RedisUnavailable),
}
HEADERS_OF: dict[str, tuple[RequestHeader, ...]] = {
    "if_match": (IF_MATCH, IF_NONE_MATCH),
    "once": (IDEMPOTENCY_KEY,),
}


def operation(  # noqa: PLR0913  # declarations, each by its name
    *,
    query: type[InputSchema] | None = None,
    body: type[InputSchema] | None = None,
    returns: type[OutputSchema] | None = None,
    status: int = 200,
    headers: Sequence[ResponseHeader] = (),
    raises: Sequence[type[Exception]] = (),
    access: Access = Access.PUBLIC,
    limit: Limit = Limit.GENERAL,
    guard: Callable[[], None] | None = None,
) -> Callable[[View], "Endpoint"]:
    """Declare what a view takes, what it returns and which errors it raises.

    Where InvalidTokenRequest is among these, every invalid request is one. Reads that return an
    ETag answer 304 when If-None-Match matches, 412 when If-Match doesn't. `guard` is called before
    the body is read, and may raise.
    Raises TypeError where the view's parameters don't match.
    """

    def declare(view: View) -> Endpoint:
        takes = inspect.signature(view).parameters
        writes = body is not None or "if_match" in takes
        conditional = not writes and any(header.name == "ETag" for header in headers)
        invalid = InvalidTokenRequest if InvalidTokenRequest in raises else InvalidRequest
        errors = [
            invalid,
            *OF_EVERY_OPERATION,
            *raises,
            *ERRORS_OF_ACCESS[access],
            *ERRORS_OF_LIMIT[limit],
        ]
        if conditional:
            errors.append(VersionConflict)
        request_headers = [IF_MATCH, IF_NONE_MATCH] if conditional else []
        for name in takes:
            errors += ERRORS_OF.get(name, ())
            request_headers += HEADERS_OF.get(name, ())
        return Endpoint(
            Operation(
                view=view,
                query=query,
                body=body,
                returns=returns,
                status=status,
                headers=complete(headers, returns, access),
                request_headers=tuple(request_headers),
                conditional=conditional,
                access=access,
                limit=limit,
                max_body=body().max_body if body else 0,
                guard=guard,
                problems=tuple(problem_of(error) for error in errors),
            )
        )

    return declare


class Endpoint:
    """The view that Flask calls for an operation; everything that can be is made beforehand."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.__name__ = operation.operation_id
        self.__doc__ = operation.view.__doc__
        self._query = (operation.query or NoQuery)()
        self._body = operation.body() if operation.body else None
        self._returns = operation.returns() if operation.returns else None
        self._takes_precondition = operation.takes("if_match")
        self._speaks_oauth = problem_of(InvalidTokenRequest) in operation.problems
        self._takes_once = operation.takes("once")
        self._takes_caller = operation.takes("caller")

    def __call__(self, **arguments: Any) -> Response:
        app = this_app()
        record = current_record()
        caller = app.async_to_sync(self._admit)(app.services[RateLimits])
        try:
            return self._answer(app, caller, arguments)
        finally:
            record.user_id = caller.user_id

    def _answer(self, app: AsyncFlask, caller: Caller, arguments: dict[str, Any]) -> Response:
        if self.operation.guard is not None:
            self.operation.guard()
        if self._body is not None and self.operation.access is Access.ADMINS:
            # Its unit of work asks again; without a body that is soon enough.
            app.async_to_sync(caller.admit)()
        try:
            self._read(app.services[Settings], caller, arguments)
        except InvalidRequest as error:
            if self._speaks_oauth:
                raise InvalidTokenRequest(error.errors) from None
            raise
        if self._takes_caller:
            arguments["caller"] = caller
        try:
            result = app.async_to_sync(self.operation.view)(**arguments)
        except VersionConflict:
            if arguments["if_match"] is MISSING:
                raise http.PreconditionRequired from None
            raise
        if self.operation.access is not Access.PUBLIC and not caller.admitted:
            raise RuntimeError(f"{self.__name__} never asked who its caller is")
        answer = result if isinstance(result, Answer) else self._render(result, caller)
        return self._respond(answer)

    async def _admit(self, rate_limits: RateLimits) -> Caller:
        """Who sent the request, once it has been counted."""
        credentials = None
        try:
            credentials = await find_credentials(self.operation.access)
        finally:
            # Who sends a token that isn't valid is counted too, by their address.
            await rate_limits.count(self.operation.limit, credentials)
        return Caller(credentials, self.operation.access)

    def _read(self, settings: Settings, caller: Caller, arguments: dict[str, Any]) -> None:
        """Add what comes with the request, validated; the body last, as it may never end.

        Here and not in the view, which is awaited outside the greenlet, the body can be read.
        """
        if self.operation.query is not None or request.query_string:
            query = load_query(self._query)
            if self.operation.query is not None:
                arguments["query"] = query
        if self._takes_precondition:
            arguments["if_match"] = read_precondition(required=settings.if_match_required)
        key = read_key() if self._takes_once else None
        data = b""
        if self._body is not None:
            limit = min(self.operation.max_body, settings.max_body_bytes)
            data = read_body(self._body.media_types, limit=limit)
            arguments["body"] = load_body(self._body, data)
        if self._takes_once:
            arguments["once"] = Once(caller, key, data, lambda row: self._render(row, caller))

    def _render(self, result: Any, caller: Caller) -> Answer:
        made_of = result, caller.user_id
        values = ((header.name, header.value(*made_of)) for header in self.operation.headers)
        headers = {name: value for name, value in values if value is not None}
        if self.operation.conditional:
            require_match(headers["ETag"])
            if is_known(headers["ETag"]):
                return Answer(304, headers, b"")
        body = b"" if self._returns is None else self._returns.to_json(result)
        return Answer(self.operation.status, headers, body)

    def _respond(self, answer: Answer) -> Response:
        response = Response(
            answer.body, answer.status, answer.headers, content_type="application/json"
        )
        if not answer.body:
            del response.headers["Content-Type"]
        if self.operation.access is not Access.PUBLIC:
            response.headers.add("Vary", "Authorization")
        return response
