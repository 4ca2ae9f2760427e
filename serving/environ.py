"""The request headers that reach the WSGI environ, and whether a body follows them."""

from collections.abc import Iterable


def clean(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers that CGI variables can represent.

    Names with an underscore are dropped, because `X_Request_ID` would look like `X-Request-ID`.
    HTTP/2's split Cookie headers are joined by a semicolon (RFC 9113 §8.2.3). Upgrade is dropped
    (RFC 9110 §7.8), because Werkzeug finds no route for a request that asks for a WebSocket.
    """
    kept: list[tuple[bytes, bytes]] = []
    cookies: list[bytes] = []
    for name, value in headers:
        if name == b"cookie":
            cookies.append(value)
        elif name != b"upgrade" and b"_" not in name:
            kept.append((name, value))
    return [*kept, (b"cookie", b"; ".join(cookies))] if cookies else kept


def may_have_body(http_version: str, headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether a body may follow `headers`: over HTTP/1 only after a header that says how
    long it is (RFC 9112 §6.3)."""
    if not http_version.startswith("1"):
        return True
    names = dict(headers)
    return b"content-length" in names or b"transfer-encoding" in names
