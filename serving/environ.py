"""What of a request's headers reaches the WSGI environ."""

from collections.abc import Iterable


def clean(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers as CGI's variables can carry them.

    Names with an underscore are dropped, since `X_Request_ID` would pass for `X-Request-ID`;
    HTTP/2's split Cookie headers are joined by a semicolon (RFC 9113 §8.2.3). An Upgrade is
    ignored (RFC 9110 §7.8), as Werkzeug finds no route for a request to become a WebSocket.
    """
    kept: list[tuple[bytes, bytes]] = []
    cookies: list[bytes] = []
    for name, value in headers:
        if name == b"cookie":
            cookies.append(value)
        elif name != b"upgrade" and b"_" not in name:
            kept.append((name, value))
    return [*kept, (b"cookie", b"; ".join(cookies))] if cookies else kept
