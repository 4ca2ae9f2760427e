"""Parsers of URLs that may contain a password. A URL is refused unless all of it is understood.

Only characters that a URL's parts may contain are allowed; others are percent-encoded (RFC 3986,
section 2). A raw `#`, `/`, `?` or `@` would end a password early, and other parsers take its rest
for a port, a path or a query, which their error messages show. Only the userinfo ends with an `@`,
and no other part may contain one, so a URL with such a password never matches.
"""

import re
from urllib.parse import urlsplit

from api.config.declaration import NotAllowed, takes
from api.config.parsers import LOOPBACK, printable
from storage.engines import postgresql_url

ENCODED = "%[0-9A-Fa-f]{2}"
USERINFO = rf"([\w.~!$&'()*+,;=:-]|{ENCODED})*@"
NAME = rf"([\w.~-]|{ENCODED})+"
HOST_AND_PORT = rf"({NAME}|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?"
PATH = rf"(/([\w.~!$&'()*+,;=:-]|{ENCODED})*)*"
PARAMETER = rf"(?!.*password=)[\w.-]+=([\w.~!$'()*+,;:/-]|{ENCODED})*"
QUERY = rf"(\?{PARAMETER}(&{PARAMETER})*)?"
SQLITE_URL = r"sqlite:///(?!.*:memory:)[^?]+"
POSTGRESQL_URL = (
    rf"postgres(ql)?://({USERINFO})?({HOST_AND_PORT}(,{HOST_AND_PORT})*)?/{NAME}{QUERY}"
)
REDIS_URL = (
    rf"(rediss?://({USERINFO})?{HOST_AND_PORT}(/[0-9]+)?|unix://({USERINFO})?(?=/){PATH}){QUERY}"
)
KEYS_URL = rf"https?://{HOST_AND_PORT}{PATH}{QUERY}"
PUBLIC_URL = rf"https?://{HOST_AND_PORT}{PATH}"
PERCENT_ENCODED = (
    "special characters in the user and the password are percent-encoded: %23 for #, %25 for %, "
    "%2F for /, %3F for ?, %40 for @"
)


@takes(f"sqlite:///path/to/file or postgresql://user:password@host/name; {PERCENT_ENCODED}")
def database_url(text: str) -> str:
    if re.fullmatch(SQLITE_URL, text):
        return printable(text)
    try:
        postgresql_url.parse(_matching(POSTGRESQL_URL, text))
    except postgresql_url.InvalidParameter as error:
        raise NotAllowed(str(error)) from None
    return text


@takes(
    "redis://user:password@host:6379/0, rediss://… for TLS, or unix:///run/redis.sock; "
    f"{PERCENT_ENCODED}"
)
def redis_url(text: str) -> str:
    if not text:
        return text
    # The client checks the parameters. Only a service with Redis imports it.
    from redis.asyncio import ConnectionPool  # noqa: PLC0415

    try:
        pool = ConnectionPool.from_url(_matching(REDIS_URL, text))
        pool.make_connection()  # type: ignore[no-untyped-call]  # redis has no types for it
    except TypeError:
        raise NotAllowed("the client doesn't know one of its parameters") from None
    return text


@takes(f"https://host/path; http:// only on {', '.join(LOOPBACK)}; no password")
def key_set_url(text: str) -> str:
    """Others could replace the keys on their way, so outside of this machine TLS is required. A
    password is refused because the URL is logged if it can't be reached."""
    if not text:
        return text
    parts = urlsplit(_matching(KEYS_URL, text))
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError
    return text


@takes("https://host or http://host, with a port and a path if it has them")
def public_url(text: str) -> str:
    return _matching(PUBLIC_URL, text).rstrip("/") if text else text


def _matching(pattern: str, url: str) -> str:
    """Return `url` if it matches `pattern` and each of its ports is 1 to 65535."""
    if not re.fullmatch(pattern, url, re.ASCII):
        raise ValueError
    addresses = urlsplit(url).netloc.rpartition("@")[2].split(",")
    if any(urlsplit(f"//{address}").port == 0 for address in addresses):  # raises beyond 65535
        raise ValueError
    return url
