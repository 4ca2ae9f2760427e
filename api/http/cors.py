"""CORS: the origins whose browser apps may call, and what they may send and read (flask-cors).

Credentials mode is off: bearer tokens don't need it, and without it a site that a signed-in user
visits can't act in the user's name.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import structlog
from flask import Flask, Response, request
from flask_cors import CORS

from api.config.origins import as_browsers_write
from api.config.settings import Settings
from api.observability.request_log import REQUEST_ID_HEADER, current_record
from api.runtime.async_flask import is_preflight

MAX_AGE = 600
"""The seconds for which a browser may cache the response to a preflight."""
SENT_BY_LIBRARIES = (
    "X-Requested-With",
    "Cache-Control",
    "Pragma",
    "User-Agent",  # Chromium ignores a page's own, Firefox sends it
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
    re.compile(r"X-(Fern|Stainless)-[A-Z-]+\Z", re.IGNORECASE),  # clients made by these generators
)
DOCUMENTS = re.compile(r"/openapi[-.][^/]+\Z")
"""The paths of the OpenAPI document, which pages of every origin may read."""
ALLOW_ORIGIN = "Access-Control-Allow-Origin"
ALLOW_METHODS = "Access-Control-Allow-Methods"
ALLOW_PRIVATE_NETWORK = "Access-Control-Allow-Private-Network"
REQUEST_HEADERS = "Access-Control-Request-Headers"
MAX_ASKED = 100
"""How many headers a preflight may ask for; its request could not have more. flask-cors compares
each with all that are allowed: 16,000 took 100 ms, and rate limits don't refuse preflights."""
MAX_REMEMBERED = 256
"""How many refused origins a process remembers, so that it logs each of them once."""
MAX_LOGGED = 300

log = structlog.get_logger(__name__)


def init_app(app: Flask, settings: Settings, document: dict[str, Any]) -> None:
    grant = _hook_of_flask_cors(app, settings, document)

    @lru_cache(maxsize=MAX_REMEMBERED)
    def log_once(origin: str) -> None:
        log.warning("cors_origin_refused", origin=origin, meaning="it is not in CORS_ORIGINS")

    def answer_origin(response: Response) -> Response:
        """Add `Vary` to every response, because responses differ by origin."""
        response.headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin is None:
            return response
        if is_preflight():
            # On every path: if a preflight got a 404, the browser would hide the request's own 404
            # from the page, and report a fault of CORS.
            response = Response(status=204, headers={"Vary": "Origin"})
            if request.headers.get(REQUEST_HEADERS, "").count(",") >= MAX_ASKED:
                return response
        response = correct(grant(response))
        refused = ALLOW_ORIGIN not in response.headers
        # `cors check` closes the record of its requests, which aren't logged.
        if refused and is_foreign(origin) and not current_record().closed:
            log_once(origin)
        return response

    app.after_request(answer_origin)


def _hook_of_flask_cors(
    app: Flask, settings: Settings, document: dict[str, Any]
) -> Callable[[Response], Response]:
    """Return the function that flask-cors would call for each response.

    Without an Origin header it has nothing to add, but takes a tenth of a request's time.
    """
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    parameters = [parameter for operation in operations for parameter in operation["parameters"]]
    CORS(
        app,
        resources={
            DOCUMENTS: {"origins": "*", "send_wildcard": True},
            "/*": {
                "origins": [origin_pattern(origin) for origin in settings.cors_origins],
                "allow_private_network": True,
            },
        },
        methods={method for rule in app.url_map.iter_rules() for method in rule.methods or ()},
        allow_headers=[
            "Authorization",
            "Content-Type",
            REQUEST_ID_HEADER,
            *SENT_BY_LIBRARIES,
            *{each["name"] for each in parameters if each["in"] == "header"},
            *settings.cors_headers,
        ],
        expose_headers=sorted(document["components"]["headers"]),
        max_age=MAX_AGE,
        supports_credentials=False,
        # Otherwise a request without an origin would get a list of all allowed origins.
        always_send=False,
        # flask-cors would omit `Vary` if the origin isn't allowed; answer_origin adds it.
        vary_header=False,
        # Not needed: every error response passes through after_request.
        intercept_exceptions=False,
    )
    return cast(Callable[[Response], Response], app.after_request_funcs[None].pop())


def correct(response: Response) -> Response:
    """Correct what flask-cors says of methods and of private networks."""
    headers = response.headers
    asked = request.headers.get("Access-Control-Request-Method", "")
    methods = headers.get(ALLOW_METHODS, "").split(", ")
    if asked not in methods and asked.upper() in methods:
        # Browsers send `patch` as it is written, and here compare with regard to case.
        headers[ALLOW_METHODS] += f", {asked}"
    if headers.get(ALLOW_PRIVATE_NETWORK) == "false":
        # The only defined value is `true`.
        del headers[ALLOW_PRIVATE_NETWORK]
    return response


def is_foreign(origin: str) -> bool:
    """Return whether `origin` is one that a browser sends for a page of another host.

    Browsers send it with most requests of the service's own pages too, and behind a proxy the
    scheme can be another one.
    """
    if len(origin) > MAX_LOGGED or origin.endswith(f"://{request.environ.get('HTTP_HOST')}"):
        return False
    return origin == "null" or as_browsers_write(origin) == origin


def origin_pattern(origin: str) -> re.Pattern[str]:
    """Return an expression that matches only `origin`, in which `*.` stands for exactly one label
    and `:*` for any port, or none.

    flask-cors doesn't anchor expressions at the end, treats text with brackets (an IPv6 address) as
    an expression, and compares other text without regard to case, as browsers never do.
    """
    literal = re.escape(origin).replace(r":\*", "(:[0-9]+)?")
    return re.compile(literal.replace(r"\*", "[a-z0-9_-]+") + r"\Z")
