"""CORS: the origins whose browser apps may call, and what they may send and read (flask-cors).

Credentials mode is off: bearer tokens don't need it, and without it a site that a signed-in user
visits can't act in the user's name.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from flask import Flask, Response, request
from flask_cors import CORS

from api.config.settings import Settings
from api.observability.request_log import REQUEST_ID_HEADER

MAX_AGE = 600
"""The seconds for which a browser may cache the response to a preflight."""


def init_app(app: Flask, settings: Settings, document: dict[str, Any]) -> None:
    CORS(
        app,
        origins=[origin_pattern(origin) for origin in settings.cors_origins],
        allow_headers=[
            "Authorization",
            "Content-Type",
            REQUEST_ID_HEADER,
            *request_headers(document),
        ],
        expose_headers=sorted(response_headers(document)),
        max_age=MAX_AGE,
        supports_credentials=False,
        allow_private_network=False,
        # Otherwise a request without an origin would get a list of all allowed origins.
        always_send=False,
        # flask-cors would omit `Vary` if the origin isn't allowed; answer_origin adds it.
        vary_header=False,
        # Not needed: every error response passes through after_request.
        intercept_exceptions=False,
    )
    hooks = app.after_request_funcs[None]
    # Without an Origin header it has nothing to add, but takes a tenth of a request's time.
    grant = cast(Callable[[Response], Response], hooks.pop())

    def answer_origin(response: Response) -> Response:
        """Add `Vary` to every response, because responses differ by origin."""
        response.headers.add("Vary", "Origin")
        return correct(grant(response)) if "Origin" in request.headers else response

    app.after_request(answer_origin)


def correct(response: Response) -> Response:
    """Reduce the methods in a preflight's response to those of the address."""
    promised = "Access-Control-Allow-Methods"
    if promised in response.headers:
        response.headers[promised] = ", ".join(sorted(response.allow))
    return response


def origin_pattern(origin: str) -> re.Pattern[str]:
    """Return an expression that matches only `origin`, in which `*` stands for exactly one label.

    flask-cors doesn't anchor expressions at the end, treats text with brackets (an IPv6 address) as
    an expression, and compares other text without regard to case, as browsers never do.
    """
    return re.compile(re.escape(origin).replace(r"\*", "[a-z0-9-]+") + r"\Z")


def request_headers(document: dict[str, Any]) -> Iterable[str]:
    """Return the header parameters of all operations."""
    return {
        p["name"] for op in _operations(document) for p in op["parameters"] if p["in"] == "header"
    }


def response_headers(document: dict[str, Any]) -> Iterable[str]:
    """Return the headers of all responses, errors included."""
    return set(document["components"]["headers"])


def _operations(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return (operation for path in document["paths"].values() for operation in path.values())
