"""The PostgreSQL URL of an operator or a managed service, as asyncpg takes it.

asyncpg sends each parameter that it doesn't know to the server, which refuses the connection. So
libpq's own parameters are handled here: translated, or left out where leaving them out changes
nothing. The server knows the remaining ones, or names the one that it doesn't know.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

NUMBER = "[0-9]{1,9}"
ALLOWED = {
    "channel_binding": "disable|prefer|require",
    "client_encoding": "auto|utf8|UTF8|utf-8|UTF-8",
    "connect_timeout": NUMBER,
    "fallback_application_name": ".*",
    "gssdelegation": "0",
    "gssencmode": "disable|prefer",
    "keepalives": NUMBER,
    "keepalives_count": NUMBER,
    "keepalives_idle": NUMBER,
    "keepalives_interval": NUMBER,
    "load_balance_hosts": "disable",
    "sslcertmode": "allow",
    "sslcompression": "0",
    "sslmode": "disable|allow|prefer|require|verify-ca|verify-full",
    "sslnegotiation": "postgres|direct",
    "sslsni": "1",
    "target_session_attrs": "any|primary|read-write",
    "tcp_user_timeout": NUMBER,
}
"""The accepted values of libpq's parameters. asyncpg has no channel binding, no encryption by
GSSAPI and no TCP timeouts. Verified TLS replaces the first, and the deadline of each statement the
last."""
ADVICE = {
    "dbname": "name the database in the path",
    "hostaddr": "leave it out, or name it as the host",
    "replication": "leave it out",
    "require_auth": "leave it out, and use sslmode=verify-full",
    "service": "leave it out, and write its values into the URL",
}
FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
ROOT_CERTIFICATE = "~/.postgresql/root.crt"
"""libpq's default."""
PASSED_ON = {"sslmode", "sslnegotiation", "target_session_attrs"}
HOST = re.compile(r"(\[(?P<ipv6>[^\]]+)\]|(?P<name>[^:]*))(:(?P<port>[0-9]+))?")


class InvalidParameter(ValueError):
    """A parameter that would not be obeyed. The text names it, and what is allowed."""


@dataclass(frozen=True)
class Server:
    """Where to connect: `hosts` are asyncpg's arguments for each host in turn, `options` those for
    all of them. `timeout` is in seconds for each host; None if the URL has none."""

    url: str
    hosts: tuple[dict[str, Any], ...]
    options: dict[str, Any]
    timeout: int | None


def parse(url: str) -> Server:
    """Return what `url` says. Raises InvalidParameter."""
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in parameters.items():
        _check(name, value)
    _check_files(parameters)
    kept = {
        name: value
        for name, value in parameters.items()
        if name in PASSED_ON or name not in ALLOWED
    }
    hosts = _hosts(parts.netloc.rpartition("@")[2] or kept.get("host", ""), kept.get("port", ""))
    options: dict[str, Any] = {}
    if len(hosts) > 1 and "target_session_attrs" not in kept:
        options["target_session_attrs"] = "read-write"  # the first to answer may be a standby
    bound = parameters.get("channel_binding") == "require"
    if kept.get("sslrootcert") == "system" or (bound and "sslrootcert" not in kept):
        if "sslcert" in kept:
            raise InvalidParameter("sslcert in it requires an sslrootcert that names a file")
        kept.pop("sslrootcert", None)
        options["ssl"] = True  # asyncpg: verify-full, with the system's certificates
    elif bound:
        kept["sslmode"] = "verify-full"
    fallback = parameters.get("fallback_application_name", "items-api")
    query = urlencode({"application_name": fallback, **kept}, quote_via=quote, safe="/,")
    timeout = int(parameters.get("connect_timeout", 0)) or None
    return Server(parts._replace(query=query).geturl(), hosts, options, timeout)


def _check(name: str, value: str) -> None:
    if name in ADVICE:
        raise InvalidParameter(f"{name} is not supported in it: {ADVICE[name]}")
    allowed = ALLOWED.get(name, ".*")
    if not re.fullmatch(allowed, value):
        readable = "a number" if allowed == NUMBER else allowed.replace("|", ", ")
        raise InvalidParameter(f"{name} in it must be {readable}")


def _check_files(parameters: Mapping[str, str]) -> None:
    """asyncpg's own messages don't name the file, or not what to do."""
    for name in FILES:
        try:
            if parameters.get(name, "system") != "system":
                Path(parameters[name]).open().close()
        except OSError as error:
            raise InvalidParameter(f"{name} in it can't be read: {error.strerror}") from None
    verified = parameters.get("sslmode", "").startswith("verify")
    default = os.path.expanduser(ROOT_CERTIFICATE)  # noqa: PTH111  # Path's raises where there is no home
    if verified and "sslrootcert" not in parameters and not os.access(default, os.R_OK):
        raise InvalidParameter("sslmode in it requires sslrootcert: system, or the name of a file")


def _hosts(names: str, ports: str) -> tuple[dict[str, Any], ...]:
    """Return the arguments for each of several hosts; asyncpg finds a single one by itself.

    asyncpg would try all of them within one timeout, so that a first host that doesn't answer
    would leave no time for the second.
    """
    found = [match for name in names.split(",") if (match := HOST.fullmatch(name))]
    if len(found) < 2:
        return ({},)
    # One port is for all of them.
    defaults = islice(cycle((ports or "5432").split(",")), len(found))
    return tuple(
        {"host": match["ipv6"] or unquote(match["name"]), "port": int(match["port"] or port)}
        for match, port in zip(found, defaults, strict=True)
    )
