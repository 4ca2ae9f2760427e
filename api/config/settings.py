"""The settings: those of the server, and here those of the API. docs/settings.md lists them all."""

from dataclasses import dataclass

from limits import RateLimitItem

from api.config.declaration import setting
from api.config.origins import origins
from api.config.parsers import (
    bearer_token,
    boolean,
    claim,
    contact_address,
    folder,
    header_names,
    integer,
    one_of,
    proxies,
    rate,
    secret_key,
    secret_keys,
    short_text,
    unless_off,
)
from api.config.server_settings import ServerSettings
from api.config.url_parsers import key_set_url, public_url, redis_url
from api.runtime.proxies import TrustedProxies

DEVELOPMENT_ORIGINS = " ".join(
    f"{scheme}://{host}:*"
    for scheme in ("http", "https")
    for host in ("localhost", "127.0.0.1", "[::1]")
)


@dataclass(frozen=True, kw_only=True)
class Settings(ServerSettings):
    """All settings. Each name in capitals is that of an environment variable."""

    secret_key: str = setting(
        "",
        secret_key,
        "Signs access tokens and the cursors of lists. In development a key is created at the "
        "first start and kept in `data/secret_key`.",
        secret=True,
    )
    secret_key_fallbacks: tuple[str, ...] = setting(
        "",
        secret_keys,
        "Earlier keys whose signatures are still accepted, the latest key last.",
        secret=True,
    )
    auth_required: bool = setting(
        "false",
        boolean,
        "Whether operations on data need an access token. Without it, everyone with access to the "
        "service can read and change all data.",
        production="true",
    )
    access_token_seconds: int = setting(
        "900", integer(1, 86_400), "How many seconds an access token is valid."
    )
    refresh_token_seconds: int = setting(
        "2592000",
        integer(60, 31_536_000),
        "How many seconds a refresh token is valid. A session ends if it isn't used for that long.",
    )
    session_max_seconds: int = setting(
        "7776000",
        integer(60, 315_360_000),
        "How many seconds after the sign-in a session ends in any case. A change applies to new "
        "sessions only.",
    )
    sessions_per_user: int = setting(
        "50",
        integer(1, 1000),
        "How many sessions a user can have. One more sign-in ends the session that has not been "
        "used for the longest time.",
    )
    jwt_jwks_url: str = setting(
        "",
        key_set_url,
        "Where an external identity provider publishes its keys (a JWK set). Its access tokens are "
        "then accepted as well.",
        secret=True,
    )
    jwt_issuer: str = setting(
        "", short_text, "The exact `iss` of the identity provider's access tokens."
    )
    jwt_audience: str = setting(
        "", short_text, "The `aud` that they must have, to be for this service."
    )
    jwt_access_token_claim: str = setting(
        "",
        claim,
        "A claim that only its access tokens have. By default the header of an access token must "
        "contain `typ: at+jwt`.",
    )
    jwt_max_token_seconds: int = setting(
        "86400",
        integer(60, 2_592_000),
        "The longest accepted time between the `iat` and the `exp` of its access tokens.",
    )
    registration: bool = setting(
        "true", boolean, "Whether everyone can create an account.", production="false"
    )
    rate_limit: RateLimitItem | None = setting(
        "1200/minute",
        unless_off(rate),
        "How many requests are allowed per user, or per address without an access token.",
    )
    login_rate_limit: RateLimitItem | None = setting(
        "60/minute",
        unless_off(rate),
        "How many token requests are allowed per address. `off` also turns off the limits per "
        "account.",
    )
    refresh_rate_limit: RateLimitItem | None = setting(
        "30/minute", unless_off(rate), "How many refreshes are allowed per session."
    )
    registration_rate_limit: RateLimitItem | None = setting(
        "20/hour", unless_off(rate), "How many registrations are allowed per address."
    )
    rows_per_user: int | None = setting(
        "10000", unless_off(integer(1, 10**9)), "How many rows of each resource a user may own."
    )
    redis_url: str = setting(
        "",
        redis_url,
        "Where all processes count together. By default each process counts for itself, in memory.",
        secret=True,
    )
    redis_timeout: int = setting(
        "50",
        integer(1, 10_000),
        "How many milliseconds a request waits for Redis. After a timeout, requests don't wait "
        "until Redis answers again.",
    )
    trusted_proxies: TrustedProxies = setting(
        "",
        proxies,
        "The proxies in front of the service, whose `X-Forwarded-For` names the client. Without "
        "it, all clients of a proxy share one limit.",
    )
    cors_origins: tuple[str, ...] = setting(
        DEVELOPMENT_ORIGINS,
        origins,
        "The origins of the browser apps that may call the service. `*.` stands for exactly one "
        "label, `:*` for any port of this machine.",
        production="",
    )
    cors_headers: tuple[str, ...] = setting(
        "",
        header_names,
        "Request headers that these apps may send besides those of the operations and of common "
        "libraries, which docs/cors.md lists.",
    )
    if_match_required: bool = setting(
        "false", boolean, "Whether PUT, PATCH and DELETE without `If-Match` fail with 428."
    )
    max_body_bytes: int = setting(
        "1048576",
        integer(1, 2**31),
        "The largest request body, in bytes. Some operations have a lower limit of their own.",
    )
    body_timeout: int = setting(
        "30",
        integer(1, 3600),
        "How many seconds a client has to send a request body (under an ASGI server).",
    )
    log_level: str = setting(
        "INFO",
        one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "The least severe level that is logged. Libraries log nothing below INFO.",
    )
    log_format: str = setting(
        "console",
        one_of("console", "json"),
        "Log lines for people, or a JSON object per line.",
        production="json",
    )
    metrics_token: str = setting(
        "",
        bearer_token,
        "The bearer token that Prometheus must send to `/metrics`. Without it, `/metrics` is open "
        "in development and closed in production.",
        secret=True,
    )
    prometheus_multiproc_dir: str = setting(
        "",
        folder,
        "Where the processes of a machine count together, so that `/metrics` of each process "
        "reports them all. A missing folder is created. Set it in the environment, not in `.env`.",
    )
    docs_enabled: bool = setting(
        "true", boolean, "Whether `/docs` and `/openapi.json` are served.", production="false"
    )
    public_url: str = setting(
        "",
        public_url,
        "The address that clients use, with the path prefix if there is one. The OpenAPI document "
        "names it as its server; without it, the server is an address relative to the document's. "
        "Its path is the prefix of the addresses in responses, unless a proxy sends "
        "`X-Forwarded-Prefix`.",
    )
    contact: str = setting(
        "",
        contact_address,
        "Where users of the service can ask for help. It is shown in the OpenAPI document and on "
        "the pages about errors.",
    )

    @property
    def secret_keys(self) -> list[str]:
        """SECRET_KEY, then the earlier keys, the latest first."""
        return [self.secret_key, *reversed(self.secret_key_fallbacks)]

    @property
    def answered_hosts(self) -> tuple[str, ...]:
        """The host names that the service answers for, besides `localhost`; "*" is any name."""
        return self.allowed_hosts or (("*",) if self.auth_required else ())
