"""The path prefix under which clients reach the service, behind a proxy that removes it.

All addresses in responses start with WSGI's SCRIPT_NAME. With `--root-path`, the server sets it.
"""

import re
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from api.runtime.client_address import TrustedProxies, parse_address

PREFIX = re.compile(r"(/[A-Za-z0-9._~-]{1,100}){1,10}")
"""Each segment has a character, so that no address begins with `//`, which would name a host."""


class PathPrefix:
    """Sets SCRIPT_NAME, unless the server has, to the `X-Forwarded-Prefix` of a trusted proxy, or
    else to `default`."""

    def __init__(
        self, application: WSGIApplication, proxies: TrustedProxies, *, default: str
    ) -> None:
        self._application = application
        self._proxies = proxies
        self._default = default

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("SCRIPT_NAME"):
            sent = environ.get("HTTP_X_FORWARDED_PREFIX")
            environ["SCRIPT_NAME"] = (sent and self._trusted(sent, environ)) or self._default
        return self._application(environ, start_response)

    def _trusted(self, sent: str, environ: WSGIEnvironment) -> str:
        """Return the prefix `sent`; an empty one unless a trusted proxy has sent a valid one."""
        prefix = sent.rstrip("/")
        peer = parse_address(environ.get("REMOTE_ADDR", ""))
        return prefix if self._proxies.include(peer) and PREFIX.fullmatch(prefix) else ""
