"""Headers that restrict what a browser does with a response."""

from flask import Flask, Response

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    # Caches must revalidate, so no client reads a stale item. Responses about an account are not
    # stored at all: api/http/headers.py.
    "Cache-Control": "no-cache",
}

ITEMS = [(name.lower(), (name, value)) for name, value in HEADERS.items()]


def init_app(app: Flask) -> None:
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """Add the headers that the view hasn't set itself (the documentation needs another policy)."""
    headers = response.headers
    present = {name.lower() for name, _ in headers}
    for lower, header in ITEMS:
        if lower not in present:
            headers.add(*header)
    return response
