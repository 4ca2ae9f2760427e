"""Make the problem response for an exception."""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import orjson
import structlog
from flask import Flask, Response, current_app, request
from werkzeug import exceptions as http

from api.observability.request_log import current_record
from api.problems import as_oauth, problem_of
from api.problems.requests import INTERNAL_ERROR, INVALID_REQUEST
from schemas.problems import ProblemType
from storage.errors import FieldError

MAX_ERRORS = 100
"""The maximum number of errors that one response lists."""
NOT_IN_OAUTH = re.compile(r"[^ !#-\[\]-~]")
"""The characters that an error_description must not contain (RFC 6749 §5.2)."""

DETAILS = ("detail", "errors", "headers", "checks")

log = structlog.get_logger(__name__)

Error = dict[str, str]


class InvalidRequest(http.BadRequest):
    """`errors`: what is wrong, each with `detail` and `pointer`, `parameter` or `header`."""

    def __init__(self, errors: Iterable[Error]) -> None:
        super().__init__()
        self.errors = [error for error, _ in zip(errors, range(MAX_ERRORS), strict=False)]


class UnsupportedContent(http.UnsupportedMediaType):
    """The operation doesn't accept the body's media type or encoding, as `header` declares it."""

    def __init__(self, detail: str, *, header: str) -> None:
        super().__init__(f"{header}: {detail}")
        self.errors = [{"detail": detail, "header": header}]


def init_app(app: Flask) -> None:
    app.register_error_handler(Exception, handle)
    operations = (
        (rule.rule, getattr(app.view_functions[rule.endpoint], "operation", None))
        for rule in app.url_map.iter_rules()
    )
    app.extensions["oauth_paths"] = {path for path, op in operations if op is not None and op.oauth}


def failure_of(app: Flask) -> WSGIApplication:
    """Return the response for an exception that `app` raised outside of Flask's error handling."""

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with app.request_context(environ):
            response = problem_response(INTERNAL_ERROR)
            response = app.finalize_request(response, from_error_handler=True)
            return response(environ, start_response)

    return respond


def handle(error: Exception) -> Response:
    """Return the response for any exception; one that the client didn't cause is logged, once."""
    problem = problem_of(type(error))
    if isinstance(error, http.HTTPException) and problem is INTERNAL_ERROR and error.code:
        # An exception of Werkzeug without a row in the table, raised before a view was reached.
        problem = INVALID_REQUEST if error.code < 500 else INTERNAL_ERROR
    # Flask logs and wraps an exception from a hook before it calls this.
    logged = isinstance(error, http.InternalServerError) and error.original_exception is not None
    if problem is INTERNAL_ERROR and not logged:
        log.error("unhandled_exception", exc_info=error)
    elif problem.status >= 500:
        log.warning(problem.slug.replace("-", "_"), cause=str(error))
    # A driver's exceptions have such attributes too, and must not show them.
    details = {} if problem is INTERNAL_ERROR else details_of(error)
    return problem_response(problem, **details)


def details_of(error: Exception) -> dict[str, Any]:
    """Return the details of this one error, as arguments for problem_response().

    Exceptions have them as the attributes `detail`, `errors`, `headers` and `checks`.
    """
    if isinstance(error, http.HTTPException):
        return _details_of_http(error)
    if isinstance(error, FieldError):
        return {"errors": [{"detail": error.detail, "pointer": f"/{error.name}"}]}
    return {name: getattr(error, name) for name in DETAILS if hasattr(error, name)}


def _details_of_http(error: http.HTTPException) -> dict[str, Any]:
    if isinstance(error, http.MethodNotAllowed):
        error.valid_methods = sorted(error.valid_methods or ())
        if error.description == http.MethodNotAllowed.description:
            error.description = f"This address supports {', '.join(error.valid_methods)}."
    return {
        "detail": None if error.description == type(error).description else error.description,
        "errors": getattr(error, "errors", ()),
        "headers": {name: text for name, text in error.get_headers() if name != "Content-Type"},
    }


def problem_response(
    problem: ProblemType,
    *,
    detail: str | None = None,
    errors: Iterable[Error] = (),
    headers: dict[str, str] | None = None,
    **extensions: Any,
) -> Response:
    """Return the response for `problem`; `extensions` are extra members (RFC 9457 §3.2).

    At the address of an OAuth operation it has OAuth's form, with any method."""
    errors = list(errors)
    if problem is INVALID_REQUEST:
        detail = detail or _sentence(errors)
    detail = detail or problem.detail
    if request.path in current_app.extensions["oauth_paths"]:
        problem = as_oauth(problem)
    body = {
        "type": f"{request.script_root}{problem.uri}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "error": problem.code or detail,
        "errors": errors,
        "request_id": current_record().id,
        **extensions,
    }
    if problem.code is not None:
        body["error_description"] = NOT_IN_OAUTH.sub("?", detail)
    response = Response(orjson.dumps(body), problem.status, headers)
    response.mimetype = problem.media_type
    if problem.retry_after is not None:
        response.headers.setdefault("Retry-After", str(problem.retry_after))
    if problem.challenge is not None:
        response.headers["WWW-Authenticate"] = problem.challenge
    return response


def errors_of(messages: Any, place: str = "pointer", path: str = "") -> Iterator[Error]:
    """Flatten marshmallow's nested messages into errors, each with its place in the request.

    `place` is "pointer" (with JSON pointers, RFC 6901) or "parameter" (with plain names).
    """
    if isinstance(messages, str):
        yield {"detail": messages, place: _printable(path)}
    elif isinstance(messages, dict):
        # Marshmallow has unknown fields in an order that differs from process to process.
        for key, inner in sorted(messages.items(), key=_order):
            yield from errors_of(
                inner, place, path if key == "_schema" else _join(place, path, key)
            )
    else:
        for inner in messages:
            yield from errors_of(inner, place, path)


def _order(message: tuple[int | str, Any]) -> tuple[bool, int | str]:
    """Indices come first, in their order."""
    return isinstance(message[0], str), message[0]


def _join(place: str, path: str, key: object) -> str:
    if place == "parameter":
        return str(key)
    return f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}"


def _printable(text: str) -> str:
    """Escape lone surrogates, which UTF-8 can't encode, and shorten the text to be readable."""
    return text[:200].encode(errors="backslashreplace").decode()


def _sentence(errors: list[Error]) -> str:
    """Summarize the first errors, for clients that show one line."""
    lines = []
    for error in errors[:3]:
        place = error.get("pointer") or error.get("parameter") or error.get("header")
        lines.append(f"{place}: {error['detail']}" if place else error["detail"])
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return " ".join(lines) + more
