"""What proxies say of a request: the address of its client, and the path prefix that they removed.

A client can send any `X-Forwarded-For`, so only entries that trusted proxies have added count. Each
proxy appends the address from which it was called, so the list is read from the right.

All addresses in responses start with WSGI's SCRIPT_NAME. With `--root-path`, the server sets it.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Address = IPv4Address | IPv6Address

V6 = r"[0-9a-fA-F]*:[0-9a-fA-F:.]+"
# An address; some proxies add a port, and then put an IPv6 address in brackets. The zone of a
# link-local address (RFC 4007 §11) names our own network interface.
ENTRY = re.compile(
    rf"(?P<v4>[0-9.]+)(:[0-9]{{1,5}})?|\[(?P<bracketed>{V6})\](:[0-9]{{1,5}})?"
    rf"|(?P<v6>{V6})(%[0-9A-Za-z._-]+)?"
)
MAX_LENGTH = 80
"""The maximum number of characters of an entry, with some room for the zone."""
MAX_PROXIES = 20
"""The maximum number of entries that are read: a client can send thousands that look trusted."""
PREFIX = re.compile(r"(/[A-Za-z0-9._~-]{1,100}){1,10}")
"""Each segment has a character, so that no address begins with `//`, which would name a host."""


class TrustedProxies(NamedTuple):
    """The proxies whose `X-Forwarded-For` entries are trusted. `unix`: trust every process that
    connects on a Unix socket, which has no address."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    unix: bool = False

    def include(self, address: Address | None) -> bool:
        if address is None:
            return self.unix
        return any(address in network for network in self.networks)


def client_address(environ: Mapping[str, Any], proxies: TrustedProxies) -> Address | None:
    """The nearest address that isn't one of `proxies`; None on a Unix socket that isn't either.

    Where an entry is malformed, it is the last address before: that of the proxy which added it.
    """
    address = parse_address(environ.get("REMOTE_ADDR", ""))
    entries = environ.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", MAX_PROXIES)
    while entries and proxies.include(address):
        before = parse_address(entries.pop().strip(" \t"))
        if before is None:
            break
        address = before
    return address


def parse_address(text: str) -> Address | None:
    """The address in `text`; an IPv4 one that is mapped into IPv6 as what it is."""
    return _parse(text) if len(text) <= MAX_LENGTH else None


@lru_cache(maxsize=1024)
def _parse(text: str) -> Address | None:
    found = ENTRY.fullmatch(text)
    if found is None:
        return None
    try:
        address = ip_address(found["v4"] or found["bracketed"] or found["v6"])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def network(address: Address | None, prefix: int = 64) -> str:
    """Return the client's rate-limit key: the IPv4 address, or the IPv6 network.

    64 bits are what a provider gives to one customer at least, 48 what it gives at most (RFC 6177).
    """
    if isinstance(address, IPv6Address):
        rest = 128 - prefix
        return f"{IPv6Address(int(address) >> rest << rest)}/{prefix}"
    return str(address)


def with_prefix(
    application: WSGIApplication, proxies: TrustedProxies, *, default: str
) -> WSGIApplication:
    """Return `application` with SCRIPT_NAME set, unless the server has, to the `X-Forwarded-Prefix`
    of a trusted proxy, or else to `default`."""

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("SCRIPT_NAME"):
            prefix = environ.get("HTTP_X_FORWARDED_PREFIX", "").rstrip("/")
            peer = environ.get("REMOTE_ADDR", "")
            is_valid = PREFIX.fullmatch(prefix) and proxies.include(parse_address(peer))
            environ["SCRIPT_NAME"] = prefix if is_valid else default
        return application(environ, start_response)

    return respond
