"""The settings, each declared once; api/config/environment.py reads them.

docs/settings.md lists them; a test compares.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from limits import RateLimitItem

from api.config.parsers import (
    LOOPBACK,
    bearer_token,
    boolean,
    claim,
    contact_address,
    database,
    each_long_enough,
    file,
    host,
    hosts,
    https_address,
    integer,
    long_enough,
    one_of,
    optional,
    origins,
    printable,
    proxies,
    rate,
    redis,
    short_text,
    socket_address,
    unless_off,
)
from api.runtime.client_address import TrustedProxies

ENCODING = (
    "what is special in user and password is percent-encoded: %23 for #, %25 for %, %2F for /, "
    "%3F for ?, %40 for @"
)
RATES = "such as 600/minute or 10/15 minutes, at most 1000000000 and a year; or off"
DEVELOPMENT, PRODUCTION = "development", "production"
DEVELOPMENT_ORIGINS = " ".join(
    f"http://{host}:{port}" for host in ("localhost", "127.0.0.1") for port in (3000, 4200, 5173)
)


class SettingsError(SystemExit):
    """A setting that must not start: one line for the operator, wherever it is raised."""


def setting(
    default: str,
    read: Callable[[str], Any],
    allowed: str,
    meaning: str,
    *,
    production: str | None = None,
    secret: bool = False,
) -> Any:
    """Declare a setting. `production` is its default there, where it differs; `allowed` ends the
    sentence that refuses a bad value, which is not shown if it is `secret`."""
    defaults = {DEVELOPMENT: default, PRODUCTION: default if production is None else production}
    return field(
        repr=not secret,
        metadata={
            "defaults": defaults,
            "read": read,
            "allowed": allowed,
            "meaning": meaning,
            "secret": secret,
        },
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment says. A name in capitals is the variable's."""

    environment: str = setting(
        DEVELOPMENT,
        one_of(DEVELOPMENT, PRODUCTION),
        f"{DEVELOPMENT} or {PRODUCTION}",
        "Decides the defaults of the others; production needs a `SECRET_KEY`.",
    )
    host: str = setting(
        "127.0.0.1",
        host,
        f"a host name or an address; one of {', '.join(LOOPBACK)} unless AUTH_REQUIRED is on",
        "The address that `make serve` listens on.",
    )
    port: int = setting(
        "8000", integer(0, 65535), "0 to 65535", "The port for `HOST`; 0 takes any free one."
    )
    allowed_hosts: tuple[str, ...] = setting(
        "",
        hosts,
        "names such as api.example.com or *.example.com, with blanks between; or *",
        "The names under which the service may be requested (`Host`, `:authority`); `*.` stands "
        "for exactly one label, `*` for any name. Names of this machine (`localhost`) and IP "
        "addresses are always allowed. By default no other name is; with `AUTH_REQUIRED`, every "
        "name is.",
    )
    listen_fd: int | None = setting(
        "",
        optional(integer(0, 1023)),
        "0 to 1023",
        "The descriptor of a listening socket that a supervisor hands over, in place of `HOST` "
        "and `PORT`; systemd's first one is 3.",
    )
    keep_alive_timeout: int = setting(
        "5",
        integer(1, 3600),
        "1 to 3600",
        "For how many seconds a connection may wait for its next request; more than a proxy in "
        "front keeps its idle ones.",
    )
    send_timeout: int = setting(
        "30",
        integer(1, 3600),
        "1 to 3600",
        "For how many seconds a client may take nothing of what waits for it before it is cut off.",
    )
    max_connections: int | None = setting(
        "",
        optional(integer(1, 1_000_000)),
        "1 to 1000000",
        "How many connections a process holds; more close those that wait for their clients. By "
        "default 256 less than it may have descriptors, at most 4096.",
    )
    http2_cleartext: bool = setting(
        "false",
        boolean,
        "true or false",
        "Whether HTTP/2 is spoken without TLS, to clients that begin with it (prior knowledge). "
        "`Upgrade: h2c` is always ignored.",
    )
    tls_certfile: str = setting(
        "",
        file,
        "the path of a file",
        "Turns TLS on, for HTTP/1.1 and HTTP/2: the certificate and its chain, in PEM.",
    )
    tls_keyfile: str = setting(
        "",
        file,
        "the path of a file",
        "The certificate's key, unless it is in the same file.",
    )
    shutdown_delay: int = setting(
        "0",
        integer(0, 300),
        "0 to 300",
        "For how many seconds after SIGTERM all goes on but `/api/ready`, which says 503, so that "
        "a load balancer goes elsewhere.",
        production="5",
    )
    shutdown_grace: int = setting(
        "2",
        integer(0, 3600),
        "0 to 3600",
        "For how many seconds after that requests may go on before they are cut off.",
        production="20",
    )
    notify_socket: str = setting(
        "",
        socket_address,
        "an absolute path, or @ and a name",
        "Where systemd wants to hear that the service is ready; systemd sets it.",
    )
    watchdog_usec: int | None = setting(
        "",
        optional(integer(1, 2**63)),
        "1 to 9223372036854775808",
        "Within how many microseconds systemd wants to hear again that the process isn't stuck; "
        "systemd sets it.",
    )
    database_url: str = setting(
        "sqlite:///data/items.db",
        database,
        f"sqlite:///path/to/file or postgresql://user:password@host/name; {ENCODING}",
        "Where the items are kept. A relative path starts at the working directory; folders are "
        "made. PostgreSQL on a socket: `postgresql://user@/name?host=/run/postgresql`.",
        secret=True,
    )
    database_pool_size: int = setting(
        "10",
        integer(1, 1000),
        "1 to 1000",
        "How many connections to PostgreSQL a process holds at most.",
    )
    database_pool_timeout: int = setting(
        "1",
        integer(1, 60),
        "1 to 60",
        "For how many seconds a request waits for one of them before it is told 503.",
    )
    database_statement_timeout: int = setting(
        "1",
        integer(1, 3600),
        "1 to 3600",
        "For how many seconds a statement may run on PostgreSQL before its request is told 503.",
    )
    database_pgbouncer: bool = setting(
        "false",
        boolean,
        "true or false",
        "Whether PgBouncer stands in between, pooling transactions.",
    )
    auto_migrate: bool = setting(
        "true",
        boolean,
        "true or false",
        "Whether a start brings the database's schema up to date by itself.",
        production="false",
    )
    secret_key: str = setting(
        "",
        lambda text: long_enough(text) if text else "",
        "32 bytes or more; in production it can't be left out",
        "Signs access tokens and the cursors of lists. In development one is made once and kept in "
        "`data/secret_key`.",
        secret=True,
    )
    secret_key_fallbacks: tuple[str, ...] = setting(
        "",
        each_long_enough,
        "keys of 32 bytes or more, with blanks between",
        "Earlier keys that are still accepted, the latest last.",
        secret=True,
    )
    auth_required: bool = setting(
        "false",
        boolean,
        "true or false",
        "Whether item operations need an access token. Without, whoever reaches the service can "
        "read and change every item.",
        production="true",
    )
    access_token_seconds: int = setting(
        "900", integer(1, 86_400), "1 to 86400", "For how many seconds an access token is valid."
    )
    refresh_token_seconds: int = setting(
        "2592000",
        integer(60, 31_536_000),
        "60 to 31536000",
        "For how many seconds a refresh token is valid: a session that isn't used for so long "
        "ends.",
    )
    session_max_seconds: int = setting(
        "7776000",
        integer(60, 315_360_000),
        "60 to 315360000",
        "After how many seconds a session ends though it is used all the time. Sessions that are "
        "open keep the end they have.",
    )
    sessions_per_user: int = setting(
        "50",
        integer(1, 1000),
        "1 to 1000",
        "How many sessions a user can have. The next sign-in ends the one that was used longest "
        "ago.",
    )
    jwt_jwks_url: str = setting(
        "",
        https_address,
        "https://host/path; http:// on 127.0.0.1, ::1 or localhost only; no password in it",
        "Where an outside identity provider publishes its keys (a JWK set). Its access tokens then "
        "count as well as our own.",
        secret=True,
    )
    jwt_issuer: str = setting(
        "",
        short_text,
        "at most 255 characters",
        "The `iss` of its tokens, exactly.",
    )
    jwt_audience: str = setting(
        "",
        short_text,
        "at most 255 characters",
        "The `aud` that its tokens have if they are meant for this service.",
    )
    jwt_access_token_claim: str = setting(
        "",
        claim,
        "a claim's name, or name=value",
        "The claim that only its access tokens have. Without, their header says `typ: at+jwt`.",
    )
    jwt_max_token_seconds: int = setting(
        "86400",
        integer(60, 2_592_000),
        "60 to 2592000",
        "The longest time from the `iat` to the `exp` of its tokens.",
    )
    registration: bool = setting(
        "true",
        boolean,
        "true or false",
        "Whether everybody can make an account of their own.",
        production="false",
    )
    rate_limit: RateLimitItem | None = setting(
        "1200/minute",
        rate,
        RATES,
        "How many requests are answered for each user, or else for each address.",
    )
    login_rate_limit: RateLimitItem | None = setting(
        "60/minute",
        rate,
        RATES,
        "How many requests for tokens are answered for each address. `off` lifts the limits for "
        "each account too.",
    )
    refresh_rate_limit: RateLimitItem | None = setting(
        "30/minute", rate, RATES, "How many refreshes are answered for each session."
    )
    registration_rate_limit: RateLimitItem | None = setting(
        "20/hour", rate, RATES, "How many registrations are answered for each address."
    )
    items_per_user: int | None = setting(
        "10000",
        unless_off(integer(1, 10**9)),
        "1 to 1000000000, or off",
        "How many items a user may have.",
    )
    redis_url: str = setting(
        "",
        redis,
        "redis://user:password@host:6379/0, rediss://… for TLS, or unix:///run/redis.sock; "
        f"{ENCODING}",
        "Where all processes count together. Without, each counts alone, in memory.",
        secret=True,
    )
    redis_timeout: int = setting(
        "50",
        integer(1, 10_000),
        "1 to 10000",
        "For how many milliseconds a request waits for Redis. Once that wasn't enough, none waits "
        "any more until Redis has shown that it is.",
    )
    trusted_proxies: TrustedProxies = setting(
        "",
        proxies,
        "addresses, networks such as 10.0.0.0/8, and unix for whoever calls on a Unix socket, "
        "with blanks between",
        "The proxies in front, whose `X-Forwarded-For` says who calls. Without, all behind a proxy "
        "count as one.",
    )
    cors_origins: tuple[str, ...] = setting(
        DEVELOPMENT_ORIGINS,
        origins,
        "origins such as https://app.example.com or https://*.example.com, with blanks between",
        "Which browser apps on other origins may call. `*.` stands for exactly one label.",
        production="",
    )
    if_match_required: bool = setting(
        "false",
        boolean,
        "true or false",
        "Whether PUT, PATCH and DELETE without `If-Match` are refused (428).",
    )
    max_body_bytes: int = setting(
        "1048576",
        integer(1, 2**31),
        "1 to 2147483648",
        "The largest request body, in bytes, where the operation's own limit isn't lower.",
    )
    body_timeout: int = setting(
        "30",
        integer(1, 3600),
        "1 to 3600",
        "Within how many seconds a request body must have come (under an ASGI server).",
    )
    log_level: str = setting(
        "INFO",
        one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "DEBUG, INFO, WARNING or ERROR",
        "The least important kind of log line that is written.",
    )
    log_format: str = setting(
        "console",
        one_of("console", "json"),
        "console or json",
        "Log lines for people, or one JSON object each.",
        production="json",
    )
    metrics_token: str = setting(
        "",
        bearer_token,
        "32 or more ASCII characters",
        "What Prometheus must send to `/metrics`, as a bearer token. Without, `/metrics` is open "
        "in development and closed in production.",
        secret=True,
    )
    prometheus_multiproc_dir: str = setting(
        "",
        printable,
        "the path of a folder",
        "Where the processes of a machine count together, so that `/metrics` of each answers for "
        "all; made if it isn't there. From the environment only, not `.env`.",
    )
    docs_enabled: bool = setting(
        "true",
        boolean,
        "true or false",
        "Whether `/docs` and `/openapi.json` are served.",
        production="false",
    )
    contact: str = setting(
        "",
        contact_address,
        "an e-mail address, or one that starts with http:// or https://",
        "Where users of the service turn to: in the OpenAPI document and on the pages about "
        "errors.",
    )

    @property
    def answered_hosts(self) -> tuple[str, ...]:
        """The hosts besides this machine's own that the service answers for; "*" is any."""
        return self.allowed_hosts or (("*",) if self.auth_required else ())
