"""Headers that keep a browser from doing more with an answer than it should."""

from flask import Flask, Response

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Whatever is kept is asked about before it is used: nobody reads a stale item.
    "Cache-Control": "no-cache",
}


def init_app(app: Flask) -> None:
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """Add what a view hasn't set itself (the documentation needs another policy)."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
