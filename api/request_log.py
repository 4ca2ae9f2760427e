"""One log line for each request, and the id that ties it to its answer.

WSGI middleware, because a streamed answer ends after Flask has let go of the request.
"""

import re
import time
from collections.abc import Iterable, Iterator
from typing import Any, Protocol
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog

REQUEST_ID = "items.request_id"
"""The environ's key for the id of the request."""
REQUEST_ID_HEADER = "X-Request-ID"
LOGGED = "items.logged"
"""The environ's key that is there once the request has had its line."""

VALID_ID = re.compile(r"[!-~]{1,128}")

log = structlog.get_logger("request")


class Finish(Protocol):
    def __call__(self, *, failed: bool) -> None: ...


class RequestLog:
    """Gives each request an id, sends it back, and logs method, route, status and duration."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started = time.perf_counter()
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        made = sent if VALID_ID.fullmatch(sent) else uuid4().hex
        request_id = str(environ.setdefault(REQUEST_ID, made))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status, route = 500, None

        def start(code: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            nonlocal status, route
            status, route = int(code[:3]), _route(environ)
            return start_response(code, [*headers, (REQUEST_ID_HEADER, request_id)], *exc_info)

        def finish(*, failed: bool) -> None:
            if LOGGED in environ:
                return  # as the failure that this answers
            environ[LOGGED] = True
            log.info(
                "request",
                method=environ["REQUEST_METHOD"],
                route=route,
                status=500 if failed else status,
                duration_ms=round((time.perf_counter() - started) * 1000, 3),
            )

        return LoggedAnswer(self._application(environ, start), finish)


class LoggedAnswer:
    """A WSGI iterable that says when it is closed, and whether it failed before."""

    def __init__(self, answer: Iterable[bytes], finish: Finish) -> None:
        self._chunks = iter(answer)
        self._close = getattr(answer, "close", None)
        self._finish = finish
        self._failed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except StopIteration:
            raise
        except Exception:
            self._failed = True
            raise

    def close(self) -> None:
        try:
            if self._close is not None:
                self._close()
        finally:
            self._finish(failed=self._failed)


def _route(environ: WSGIEnvironment) -> str | None:
    """The rule that matched, such as /api/items/<id:item_id>; None where none did.

    Flask takes the request out of the environ when it is done with it.
    """
    request = environ.get("werkzeug.request")
    rule = getattr(request, "url_rule", None)
    return None if rule is None else str(rule.rule)
