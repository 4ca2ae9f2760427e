"""The declaration on a view, and what it does: validate, call, serialize.

    @items.patch("/<id:item_id>")
    @operation(body=ItemPatch, returns=Item, raises=[ItemNotFound])
    async def update_item(item_id: UUID, body: ItemChanges) -> ItemRow: ...

The view gets the path's variables, `query` and `body` by name, validated; what it returns is
serialized by `returns`. The document is made from the same declaration.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from flask import Response, current_app
from werkzeug import exceptions as http

from api.context import settings
from api.inputs import load_body, load_query
from api.problems import problem_of
from openapi.operation import Operation, ResponseHeader, View
from schemas.base import InputSchema, OutputSchema


class NoQuery(InputSchema):
    """No parameters at all: an unknown one is refused everywhere."""


ANY = (http.BadRequest, Exception)
WITH_BODY = (http.RequestTimeout, http.RequestEntityTooLarge, http.UnsupportedMediaType)


def operation(
    *,
    query: type[InputSchema] | None = None,
    body: type[InputSchema] | None = None,
    returns: type[OutputSchema] | None = None,
    status: int = 200,
    headers: Sequence[ResponseHeader] = (),
    raises: Sequence[type[Exception]] = (),
) -> Callable[[View], "Endpoint"]:
    """Declare what a view takes, what it returns and which facts it raises.

    Raises TypeError where the view's parameters don't match.
    """
    errors = (*ANY, *(WITH_BODY if body else ()), *raises)

    def declare(view: View) -> Endpoint:
        return Endpoint(
            Operation(
                view=view,
                query=query,
                body=body,
                returns=returns,
                status=status,
                headers=tuple(headers),
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

    def __call__(self, **arguments: Any) -> Response:
        # Here and not in the view, which is awaited outside the greenlet, the body can be read.
        query = load_query(self._query)
        if self.operation.query is not None:
            arguments["query"] = query
        if self._body is not None:
            arguments["body"] = load_body(self._body, limit=settings.max_body_bytes)
        return self._respond(current_app.async_to_sync(self.operation.view)(**arguments))

    def _respond(self, result: Any) -> Response:
        content = b"" if self._returns is None else orjson.dumps(self._returns.dump(result))
        response = Response(content, self.operation.status, mimetype="application/json")
        if self._returns is None:
            del response.headers["Content-Type"]
        for header in self.operation.headers:
            value = header.value(result)
            if value is not None:
                response.headers[header.name] = value
        return response
