"""Which browser apps on other origins may call, and what they may send and read (flask-cors).

There is no mode with credentials: bearer tokens need none, and a site that a signed-in user
visits can't act in their name.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from flask import Flask, Response, request
from flask_cors import CORS

from api.config.settings import Settings
from api.observability.request_log import REQUEST_ID_HEADER

MAX_AGE = 600
"""For how many seconds a browser may remember a preflight's answer."""


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
        # Else it would name every allowed origin to whoever sends none,
        always_send=False,
        # and leave `Vary` out where the origin isn't allowed.
        vary_header=False,
        # Every error passes after_request here.
        intercept_exceptions=False,
    )
    hooks = app.after_request_funcs[None]
    # It has nothing to add where no origin asks, and takes a tenth of a request to find that out.
    grant = cast(Callable[[Response], Response], hooks.pop())

    def answer_origin(response: Response) -> Response:
        """Add `Vary` always, since the same address answers each origin otherwise."""
        response.headers.add("Vary", "Origin")
        return correct(grant(response)) if "Origin" in request.headers else response

    app.after_request(answer_origin)


def correct(response: Response) -> Response:
    """Let a preflight promise only the methods that the address has."""
    promised = "Access-Control-Allow-Methods"
    if promised in response.headers:
        response.headers[promised] = ", ".join(sorted(response.allow))
    return response


def origin_pattern(origin: str) -> re.Pattern[str]:
    """An expression for `origin` and nothing else, in which `*` is exactly one label.

    flask-cors leaves expressions open at the end, takes text with brackets (an IPv6 address)
    for one, and compares other text without regard to case, which browsers never do.
    """
    return re.compile(re.escape(origin).replace(r"\*", "[a-z0-9-]+") + r"\Z")


def request_headers(document: dict[str, Any]) -> Iterable[str]:
    """The header parameters of all operations."""
    return {
        p["name"] for op in _operations(document) for p in op["parameters"] if p["in"] == "header"
    }


def response_headers(document: dict[str, Any]) -> Iterable[str]:
    """The headers of all answers, errors' too."""
    return set(document["components"]["headers"])


def _operations(document: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return (operation for path in document["paths"].values() for operation in path.values())
