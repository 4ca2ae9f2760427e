"""The origins of CORS_ORIGINS, each written exactly as browsers write it in the header Origin."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from api.config.declaration import takes
from api.config.parsers import WILDCARD, words

DEFAULT_PORTS = {"http": 80, "https": 443}
PAGELESS = {"file", "ftp", "ws", "wss"}
"""Schemes of addresses whose pages have the origin null, or that have no pages."""
HOST = re.compile(r"[a-z0-9_.-]+")
OPAQUE_HOST = re.compile(r"[A-Za-z0-9_.-]+")
"""A host of another scheme, in which browsers keep capitals: Safari's extensions have some."""
FAMILY = re.compile(rf"https?://({WILDCARD}.*|(localhost|127\.0\.0\.1|\[::1\]):\*)")
"""Any one label before two or more, or any port of this machine."""


@takes(
    "origins such as https://app.example.com, https://*.example.com, http://localhost:* or "
    "capacitor://localhost, separated by spaces; neither *, which is every site, nor null, which "
    "is any file and any sandboxed frame"
)
def origins(text: str) -> tuple[str, ...]:
    """In another form than that of browsers, an origin would never match."""
    found = words(text)
    if not all(map(_is_allowed, found)):
        raise ValueError
    return found


def as_browsers_write(address: str) -> str | None:
    """Return the origin of a page at `address`, or None if it has none of its own.

    CORS_ORIGINS can have any origin that this returns.
    """
    try:
        parts = urlsplit(address)
        host = _host(parts)
        port = parts.port
    except ValueError:
        return None
    if host is None or port == 0:
        return None
    standard = port in (None, DEFAULT_PORTS.get(parts.scheme))
    return f"{parts.scheme}://{host}" + ("" if standard else f":{port}")


def _host(parts: SplitResult) -> str | None:
    """Raises ValueError for a host that no address can have."""
    if not parts.scheme or parts.scheme in PAGELESS:
        return None
    if parts.scheme not in DEFAULT_PORTS:
        host = parts.netloc.rpartition("@")[2].partition(":")[0]
        return host if OPAQUE_HOST.fullmatch(host) else None
    host = parts.hostname or ""
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host).compressed}]"
    host = host.encode("idna").decode()
    return host if HOST.fullmatch(host) else None


def _is_allowed(word: str) -> bool:
    member = word.replace("*", "1", 1) if FAMILY.fullmatch(word) else word
    return as_browsers_write(member) == member
