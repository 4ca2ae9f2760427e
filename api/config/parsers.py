"""From the text of a setting to its value. A reader raises ValueError for what isn't allowed."""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from limits import RateLimitItem, parse_many

from api.runtime.client_address import TrustedProxies

T = TypeVar("T")

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LABEL = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
# A name, or any one label before two or more: as in an origin, without its scheme and port.
HOST_PATTERN = re.compile(rf"{LABEL}(\.{LABEL})*|\*(\.{LABEL}){{2,}}")
# A host or an address, or any one label before two or more; with a port unless it is the scheme's.
ORIGIN = re.compile(
    rf"(http(?!.*:80$)|https(?!.*:443$))://"
    rf"({LABEL}(\.{LABEL})*|\*(\.{LABEL}){{2,}}|\[[0-9a-f:]+\])"
    rf"(:(?P<port>[1-9][0-9]{{0,4}}))?"
)
# The characters that a URL's parts may contain; others are percent-encoded (RFC 3986 §2). A raw
# `#`, `/`, `?` or `@` ends a password early, and parsers take the rest for a port, a path or a
# query, which their error messages show. Only the userinfo ends with an @, and no other part may
# contain one, so a URL with such a password never matches.
ENCODED = "%[0-9A-Fa-f]{2}"
USERINFO = rf"([\w.~!$&'()*+,;=:-]|{ENCODED})*@"
NAME = rf"([\w.~-]|{ENCODED})+"
HOST_AND_PORT = rf"({NAME}|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?"
PATH = rf"(/([\w.~!$&'()*+,;=:-]|{ENCODED})*)*"
QUERY = rf"(?!.*password=)[\w.-]+=([\w.~!$'()*+,;:/-]|{ENCODED})*"
QUERIES = rf"(\?{QUERY}(&{QUERY})*)?"
SQLITE_URL = re.compile(r"sqlite:///(?!.*:memory:)[^?]+")
POSTGRESQL_URL = re.compile(
    rf"postgres(ql)?://({USERINFO})?({HOST_AND_PORT}(,{HOST_AND_PORT})*)?/{NAME}{QUERIES}", re.ASCII
)
REDIS_URL = re.compile(
    rf"(rediss?://({USERINFO})?{HOST_AND_PORT}(/[0-9]+)?|unix://({USERINFO})?(?=/){PATH}){QUERIES}",
    re.ASCII,
)
KEYS_URL = re.compile(rf"https?://{HOST_AND_PORT}{PATH}{QUERIES}", re.ASCII)
YEAR = 360 * 24 * 60 * 60
"""As limits counts one, in seconds."""
TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def boolean(text: str) -> bool:
    if text.lower() not in TRUE | FALSE:
        raise ValueError
    return text.lower() in TRUE


def integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not low <= int(text) <= high:
            raise ValueError
        return int(text)

    return read


def optional(read: Callable[[str], T]) -> Callable[[str], T | None]:
    return lambda text: read(text) if text else None


def unless_off(read: Callable[[str], T]) -> Callable[[str], T | None]:
    return lambda text: None if text == "off" else read(text)


def one_of(*values: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in values:
            raise ValueError
        return text

    return read


def host(text: str) -> str:
    """A name, an IPv4 address, or an IPv6 address without brackets."""
    if not re.fullmatch(rf"{LABEL}(\.{LABEL})*", text, re.IGNORECASE):
        ipaddress.ip_address(text)
    return text


def origins(text: str) -> tuple[str, ...]:
    """Exactly as browsers write them: anything else would silently never match."""
    words = tuple(text.replace(",", " ").split())
    for word in words:
        match = ORIGIN.fullmatch(word)
        if match is None or int(match["port"] or 0) > 65535:
            raise ValueError
    return words


def https_address(text: str) -> str:
    """For what must not be changed on its way, so without TLS only on this machine. No password
    in it, since it is logged when it can't be reached."""
    if not text:
        return text
    parts = urlsplit(matching(KEYS_URL, text))
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError
    return text


def short_text(text: str) -> str:
    if len(text) > 255 or not text.isprintable() or text != text.strip():
        raise ValueError
    return text


def claim(text: str) -> str:
    """A name, or a name and a value. No token has a claim without a name."""
    if text.startswith("=") or text.endswith("="):
        raise ValueError
    return short_text(text)


def contact_address(text: str) -> str:
    if text and not re.fullmatch(r"[^\s@]+@[^\s@/]+|https?://[^\s/]\S*", text):
        raise ValueError
    return printable(text)


def proxies(text: str) -> TrustedProxies:
    """An address is a network too. One mapped from IPv4 would never match: addresses aren't."""
    words = text.replace(",", " ").split()
    networks = tuple(ipaddress.ip_network(word) for word in words if word != "unix")
    mapped = ipaddress.IPv6Network("::ffff:0:0/96")
    if any(isinstance(n, ipaddress.IPv6Network) and n.subnet_of(mapped) for n in networks):
        raise ValueError
    return TrustedProxies(networks, unix="unix" in words)


def rate(text: str) -> RateLimitItem | None:
    """In the notation of the library limits; None for `off`."""
    if text == "off":
        return None
    limit, *others = parse_many(text)
    if others or not 1 <= limit.amount <= 10**9 or limit.get_expiry() > YEAR:
        raise ValueError
    return limit


def redis(text: str) -> str:
    if not text:
        return text
    # It checks what follows a question mark. Only a service with Redis pays for its client.
    from redis.asyncio.connection import parse_url  # noqa: PLC0415

    parse_url(matching(REDIS_URL, text))
    return text


def database(text: str) -> str:
    if SQLITE_URL.fullmatch(text):
        return printable(text)
    return matching(POSTGRESQL_URL, text)


def matching(pattern: re.Pattern[str], url: str) -> str:
    """Return `url` if it matches `pattern` and each of its ports is 1 to 65535."""
    if not pattern.fullmatch(url):
        raise ValueError
    addresses = urlsplit(url).netloc.rpartition("@")[2].split(",")
    if any(urlsplit(f"//{address}").port == 0 for address in addresses):  # raises beyond 65535
        raise ValueError
    return url


def file(text: str) -> str:
    if text and not Path(text).is_file():
        raise ValueError
    return printable(text)


def socket_address(text: str) -> str:
    if text and (text[0] not in "/@" or len(text) == 1):
        raise ValueError
    return printable(text)


def printable(text: str) -> str:
    """Return `text` unless it has line breaks or control characters, which would forge lines of the
    log."""
    if not text.isprintable():
        raise ValueError
    return text


def long_enough(text: str) -> str:
    if len(text.encode()) < 32:
        raise ValueError
    return text


def bearer_token(text: str) -> str:
    """A header can carry no other characters, and loses blanks at the ends."""
    if text and not re.fullmatch(r"[!-~][ -~]{30,}[!-~]", text):
        raise ValueError
    return text


def hosts(text: str) -> tuple[str, ...]:
    words = tuple(text.lower().replace(",", " ").split())
    for word in words:
        if word != "*" and not HOST_PATTERN.fullmatch(word):
            raise ValueError
    return words


def each_long_enough(text: str) -> tuple[str, ...]:
    return tuple(long_enough(word) for word in text.split())
