"""CORS preflights, which browsers send before a request (Fetch standard)."""

from flask import request


def is_preflight() -> bool:
    """Return whether the request is a preflight."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
