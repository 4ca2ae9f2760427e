"""`flask --app api cors check`: say whether a browser app on an origin may call, and if not, why.

It calls the application as a browser would: one request, then its preflight. So the result is that
of the settings with which the command runs.
"""

import click
from flask import current_app
from flask.cli import AppGroup
from werkzeug.http import parse_set_header
from werkzeug.test import TestResponse

from api.config.origins import as_browsers_write
from api.config.settings import Settings
from api.observability.request_log import RECORD, Record
from api.runtime.services import service

PATH = "/api/health"
# The headers that the Fetch standard lets every app send, and the methods that it capitalizes.
SAFE_HEADERS = {"accept", "accept-language", "content-language"}
CAPITALIZED = {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}

settings = service(Settings)
cors = AppGroup("cors", help="Browser apps on other origins.")


@cors.command()
@click.argument("origin")
@click.option("--method", default="GET", help="The method of the request; GET if left out.")
@click.option("--header", "headers", multiple=True, help="A header that it has; can be repeated.")
def check(origin: str, method: str, headers: tuple[str, ...]) -> None:
    """Say whether a browser app on ORIGIN may call, and if not, why; fail if not."""
    reason = error_in_origin(origin) or error_in_request(origin, method, headers)
    request = " with ".join(filter(None, [method, " and ".join(headers)]))
    if reason is not None:
        raise click.ClickException(f"{origin} may not send {request}: {reason}.")
    click.echo(f"{origin} may send {request}.")


def error_in_origin(origin: str) -> str | None:
    """Return why a browser withholds every response from an app on `origin`, or None.

    Advises only what CORS_ORIGINS accepts.
    """
    if origin == "null" or origin.startswith("file:"):
        return "null is the origin of any file and any sandboxed frame"
    if origin == "*":
        return "* is every site"
    written = as_browsers_write(origin)
    if written is None:
        return "an origin is a scheme, a host and perhaps a port, as in https://app.example.com"
    if written != origin:
        return f"a browser writes {written}"
    if ask("GET", origin).headers.get("Access-Control-Allow-Origin") != origin:
        return f"CORS_ORIGINS has {', '.join(settings.cors_origins) or 'no origins'}"
    return None


def error_in_request(origin: str, method: str, headers: tuple[str, ...]) -> str | None:
    """Return why a browser doesn't send this request for an app on `origin`, or None."""
    if method.upper() in CAPITALIZED:
        method = method.upper()
    elif method != method.upper():
        return f"methods are case-sensitive: write {method.upper()}"
    asked = {"Access-Control-Request-Method": method}
    if headers:
        asked["Access-Control-Request-Headers"] = ",".join(headers)
    answer = ask("OPTIONS", origin, **asked)
    methods, allowed = (
        parse_set_header(answer.headers.get(f"Access-Control-Allow-{what}"))
        for what in ("Methods", "Headers")
    )
    if method not in methods.as_set(preserve_casing=True):
        return f"no operation accepts the method {method}"
    unknown = [h for h in headers if h not in allowed and h.lower() not in SAFE_HEADERS]
    if unknown:
        return f"no operation accepts the header {unknown[0]}, and CORS_HEADERS doesn't have it"
    return None


def ask(method: str, origin: str, **headers: str) -> TestResponse:
    """Return the application's response, without logging the request."""
    client = current_app.test_client()
    return client.open(
        PATH,
        method=method,
        headers={"Origin": origin, **headers},
        environ_overrides={RECORD: Record(id="", closed=True)},
    )
