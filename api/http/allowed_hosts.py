"""The hosts for which the service answers: `Host`, or `:authority` in HTTP/2.

The owner of another site can let its name resolve to 127.0.0.1 (DNS rebinding). For the browser the
service then has the origin of the site's pages, so CORS doesn't protect it, but the requests still
have the site's host. If access tokens are required, any host is allowed, because such a page has no
token.
"""

import ipaddress
import re
from functools import lru_cache
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import MisdirectedRequest

from api.config.settings import Settings
from api.http.errors import InvalidRequest
from api.runtime.async_flask import AsyncFlask

MAX_LENGTH = 260
"""The maximum length: a name has at most 253 characters, a port five."""
HOST = re.compile(
    r"(?P<name>[\w-]+(\.[\w-]+)*\.?|\[(?P<ipv6>[0-9a-f.]*:[0-9a-f:.]+)\])(:(?P<port>[0-9]{0,5}))?",
    re.ASCII | re.IGNORECASE,
)
INVALID = {"detail": "Must be one host name or address, optionally with a port.", "header": "Host"}


def init_app(app: AsyncFlask, settings: Settings) -> None:
    names = frozenset(map(str.lower, settings.answered_hosts))

    # Clients send the same host again and again. Hosts that raise an error aren't cached.
    @lru_cache(maxsize=128)
    def check_host(host: str) -> None:
        match = HOST.fullmatch(host)
        if match is None or not _is_valid(host, match):
            raise InvalidRequest([INVALID])
        name = (match["ipv6"] or match["name"]).lower().removesuffix(".")
        if not _is_allowed(name, names):
            raise MisdirectedRequest(f"This service does not answer for the host {name}.")

    def check(environ: WSGIEnvironment) -> None:
        """Raise MisdirectedRequest (RFC 9110 §7.4) for a host that isn't allowed, and
        InvalidRequest for an invalid or missing one (RFC 9112 §3.2). HTTP/1.0 may omit it; browsers
        never do."""
        host = environ.get("HTTP_HOST")
        if host is not None:
            check_host(host)
        elif environ["SERVER_PROTOCOL"] != "HTTP/1.0":
            raise InvalidRequest([INVALID])

    app.check_host = check


def _is_allowed(name: str, names: frozenset[str]) -> bool:
    parent = name.partition(".")[2]
    return (
        not names.isdisjoint({name, f"*.{parent}", "*"})
        or name.rpartition(".")[2] == "localhost"
        or _is_address(name)
    )


def _is_valid(host: str, match: re.Match[str]) -> bool:
    ipv6, port = match["ipv6"], match["port"]
    return len(host) <= MAX_LENGTH and int(port or 0) < 2**16 and (not ipv6 or _is_address(ipv6))


def _is_address(name: str) -> bool:
    """Return whether `name` is an IP address. Addresses are allowed, because DNS can't redirect
    them, and because the probes of load balancers and Kubernetes use the process's address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
