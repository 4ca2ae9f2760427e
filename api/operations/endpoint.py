"""The view that Flask calls for an operation; everything that can be is made beforehand."""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Response, request
from flask.globals import request_ctx
from marshmallow import RAISE
from werkzeug.wsgi import ClosingIterator

from api.config.settings import Settings
from api.http.caller import Caller
from api.http.idempotency_keys import IDEMPOTENCY_KEY, SAFE_METHODS, refuse_key
from api.http.inputs import load_query
from api.http.preconditions import is_known, require_match
from api.http.providers import Provider, RequestInputs
from api.identity.credentials import find_credentials
from api.limiting.rate_limits import RateLimits
from api.observability.request_log import current_record
from api.runtime.async_flask import Wait, this_app
from openapi.operation import Access, Operation
from schemas.base import InputSchema
from storage.idempotency import StoredResponse


class CompleteResponse(Response):
    """A response whose status, headers and body are known, so that nothing is left to correct."""

    default_mimetype = None  # Flask's would be the Content-Type of a 204 and a 304

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(self.status, self.headers.to_wsgi_list())
        body = () if environ["REQUEST_METHOD"] == "HEAD" else self.iter_encoded()
        return ClosingIterator(body, self.close)


class Endpoint:
    def __init__(self, operation: Operation, providers: dict[str, Provider]) -> None:
        self.operation = operation
        self.__name__ = operation.operation_id
        self.__doc__ = operation.docstring
        # Without fields, InputSchema refuses every parameter.
        self._query = (operation.query or InputSchema)()
        self._body = operation.body() if operation.body else None
        self._returns = operation.returns() if operation.returns else None
        self._reads = [(name, provider.read) for name, provider in providers.items()]
        self._headers = [] if operation.access is Access.PUBLIC else [("Vary", "Authorization")]
        self._refuses_key = IDEMPOTENCY_KEY not in operation.request_headers
        self._refuses_query = not self._query.fields and self._query.unknown == RAISE

    def __call__(self, **arguments: Any) -> Response:
        app, record = this_app(), current_record()
        wait = app.wait
        caller: Caller = wait(self._admit(app.services[RateLimits]))
        try:
            self._refuse_without_body(wait, caller)
            self._read(app.services[Settings], caller, arguments)
            result = wait(self.operation.view(**arguments))
        finally:
            record.user_id = caller.user_id
        if self.operation.access is not Access.PUBLIC and caller.viewer is None:
            raise RuntimeError(f"{self.__name__} never looked up its caller")
        answer = result if isinstance(result, StoredResponse) else self._render(result, caller)
        return self._respond(answer)

    async def _admit(self, rate_limits: RateLimits) -> Caller:
        """The client that sent the request, once the request has been counted."""
        credentials = None
        try:
            credentials = await find_credentials(self.operation.access)
        finally:
            # A request with a token that isn't valid is counted too, for its address.
            await rate_limits.count(self.operation.limit, credentials)
        return Caller(credentials, self.operation.access)

    def _refuse_without_body(self, wait: Wait, caller: Caller) -> None:
        """Raise what refuses the request whatever its body is, before it is read.

        The role is checked here, and for a client that waits to be asked for the body (`Expect`)
        the session; the unit of work checks them again. Others need no statement (SECURITY.md).
        """
        if self._refuses_key and request.method not in SAFE_METHODS:
            refuse_key()
        if self.operation.guard is not None:
            self.operation.guard()
        if (
            self._body is not None
            and caller.credentials is not None
            and (self.operation.access is Access.ADMINS or "Expect" in request.headers)
        ):
            wait(caller.admit())

    def _read(self, settings: Settings, caller: Caller, arguments: dict[str, Any]) -> None:
        """Add what comes with the request. Here and not in the view, which is awaited outside the
        greenlet, the body can be read."""
        inputs = RequestInputs(
            operation=self.operation,
            settings=settings,
            request=request_ctx.request,
            query=self._query,
            body=self._body,
            returns=self._returns,
            caller=caller,
            render=lambda result: self._render(result, caller),
        )
        if self._refuses_query and inputs.request.query_string:
            load_query(inputs.request, self._query)
        for name, read in self._reads:
            arguments[name] = read(inputs)

    def _render(self, result: Any, caller: Caller) -> StoredResponse:
        made_of = result, caller.user_id
        headers = {
            header.name: value
            for header in self.operation.headers
            if (value := header.value(*made_of)) is not None
        }
        if self.operation.conditional:
            require_match(headers["ETag"])
            if is_known(headers["ETag"]):
                return StoredResponse(304, headers, b"")
        body = b"" if self._returns is None else self._returns.to_json(result)
        return StoredResponse(self.operation.status, headers, body)

    def _respond(self, answer: StoredResponse) -> Response:
        headers = [*answer.headers.items(), *self._headers]
        if answer.body:
            headers.append(("Content-Type", "application/json"))
        if answer.status not in {204, 304}:
            headers.append(("Content-Length", str(len(answer.body))))
        return CompleteResponse([answer.body], answer.status, headers)
