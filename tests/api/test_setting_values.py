"""The values that each setting accepts, and the errors for all others."""

import re
from dataclasses import fields

import pytest

from api.config.declaration import SettingsError
from api.config.environment import load_settings
from api.config.origins import origins
from api.config.settings import Settings

pytestmark = pytest.mark.usefixtures("working_directory")


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("ENVIRONMENT", "staging", "development or production"),
        ("HOST", "0.0.0.0", "a host name or an address; one of 127.0.0.1, ::1, localhost unless"),
        ("ALLOWED_HOSTS", "example.com:80", "names such as api.example.com"),
        ("ALLOWED_HOSTS", "https://example.com", "names such as api.example.com"),
        ("ALLOWED_HOSTS", "*.com", "names such as api.example.com"),
        ("ALLOWED_HOSTS", "a*.example.com", "names such as api.example.com"),
        ("ALLOWED_HOSTS", ".example.com", "names such as api.example.com"),
        ("PORT", "80000", "0 to 65535"),
        ("PORT", "http", "0 to 65535"),
        ("PORT", "٣", "0 to 65535"),
        ("AUTO_MIGRATE", "maybe", "true or false"),
        ("CORS_ORIGINS", "*", origins.allowed),
        ("CORS_ORIGINS", "null", origins.allowed),
        ("CORS_ORIGINS", "file:///app", "origins such as https://app.example.com"),
        ("CORS_ORIGINS", "http://app.example.com:*", "origins such as"),
        ("CORS_ORIGINS", "capacitor://*", "origins such as"),
        ("CORS_ORIGINS", "capacitor://localhost/", "origins such as"),
        ("CORS_ORIGINS", "ws://localhost", "origins such as"),
        ("CORS_ORIGINS", "http://[0:0:0:0:0:0:0:1]", "origins such as"),
        ("CORS_HEADERS", "*", "names of headers"),
        ("CORS_HEADERS", "X-Tenant: a", "names of headers"),
        ("CORS_ORIGINS", "https://app.example.com/", "origins such as"),
        ("CORS_ORIGINS", "https://*.*.example.com", "origins such as"),
        ("CORS_ORIGINS", "https://a*.example.com", "origins such as"),
        ("CORS_ORIGINS", "https://*.com", "origins such as"),
        ("CORS_ORIGINS", "https://app..example.com", "origins such as"),
        ("CORS_ORIGINS", "https://App.example.com", "origins such as"),
        ("CORS_ORIGINS", "https://app.example.com:443", "origins such as"),
        ("CORS_ORIGINS", "http://app.example.com:80", "origins such as"),
        ("CORS_ORIGINS", "http://localhost:080", "origins such as"),
        ("CORS_ORIGINS", "http://localhost:65536", "origins such as"),
        ("CORS_ORIGINS", "http://localhost:3000 example.com", "origins such as"),
        ("REFRESH_TOKEN_SECONDS", "59", "60 to 31536000"),
        ("REGISTRATION", "open", "true or false"),
        ("JWT_ISSUER", "x" * 256, "at most 255 characters"),
        ("JWT_AUDIENCE", " items", "at most 255 characters"),
        ("JWT_ACCESS_TOKEN_CLAIM", "=Bearer", "a claim's name, or name=value"),
        ("JWT_ACCESS_TOKEN_CLAIM", "typ=", "a claim's name, or name=value"),
        ("JWT_MAX_TOKEN_SECONDS", "0", "60 to 2592000"),
        ("MAX_BODY_BYTES", "0", "1 to 2147483648"),
        ("BODY_TIMEOUT", "-1", "1 to 3600"),
        ("LISTEN_FD", "stdin", "0 to 1023"),
        ("KEEP_ALIVE_TIMEOUT", "0", "1 to 3600"),
        ("SHUTDOWN_DELAY", "-1", "0 to 300"),
        ("SHUTDOWN_GRACE", "1m", "0 to 3600"),
        ("TLS_CERTFILE", "no/such/file.pem", "the path of a file"),
        ("TLS_KEYFILE", "/", "the path of a file"),
        ("NOTIFY_SOCKET", "relative", "an absolute path, or @ and a name"),
        ("NOTIFY_SOCKET", "@", "an absolute path, or @ and a name"),
        ("RATE_LIMIT", "", "such as 600/minute"),
        ("RATE_LIMIT", "600", "such as 600/minute"),
        ("RATE_LIMIT", "0/minute", "such as 600/minute"),
        ("RATE_LIMIT", "-1/minute", "such as 600/minute"),
        ("RATE_LIMIT", "600/fortnight", "such as 600/minute"),
        ("RATE_LIMIT", "600/minute;10/second", "such as 600/minute"),
        ("RATE_LIMIT", "2000000000/minute", "such as 600/minute"),
        ("RATE_LIMIT", "1/2 years", "such as 600/minute"),
        ("LOGIN_RATE_LIMIT", "OFF", "such as 600/minute"),
        ("REDIS_TIMEOUT", "0", "1 to 10000"),
        ("TRUSTED_PROXIES", "proxy.example", "addresses, networks such as 10.0.0.0/8"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "addresses, networks such as 10.0.0.0/8"),
        ("TRUSTED_PROXIES", "*", "addresses, networks such as 10.0.0.0/8"),
        ("TRUSTED_PROXIES", "::ffff:10.0.0.1", "addresses, networks such as 10.0.0.0/8"),
        ("LOG_LEVEL", "loud", "DEBUG, INFO, WARNING or ERROR"),
        ("LOG_FORMAT", "xml", "console or json"),
        ("DOCS_ENABLED", "", "true or false"),
        ("CONTACT", "somebody", "an e-mail address, or one that"),
        ("CONTACT", "ops@example.com/help", "an e-mail address, or one that"),
        ("CONTACT", "javascript:alert(1)//@", "an e-mail address, or one that"),
    ],
)
def test_a_value_that_is_not_allowed_stops_the_start_with_one_line(
    key: str, value: str, allowed: str
) -> None:
    with pytest.raises(SettingsError) as stop:
        load_settings({key: value})
    line = str(stop.value)
    assert line.startswith(f"{key}={value} is not allowed: {allowed}")
    assert "\n" not in line


@pytest.mark.parametrize(
    "forged", ["8000\n[error] all items are lost", "8\x1b[2J", "8\u2028", "8\x85", "8\u202e"]
)
@pytest.mark.parametrize("key", ["PORT", "CONTACT", "TLS_CERTFILE", "PROMETHEUS_MULTIPROC_DIR"])
def test_control_characters_of_a_value_are_escaped_in_the_error(key: str, forged: str) -> None:
    with pytest.raises(SettingsError) as stop:
        load_settings({key: forged})
    assert str(stop.value).startswith(f"{key}={forged!a} is not allowed: ")
    assert str(stop.value).isprintable()


def test_a_very_long_value_is_shortened_in_the_error() -> None:
    with pytest.raises(SettingsError) as stop:
        load_settings({"PORT": "9" * 1_000_000})
    assert len(str(stop.value)) < 400


def test_a_list_may_be_separated_by_line_breaks() -> None:
    settings = load_settings({"ALLOWED_HOSTS": "a.example.com\nb.example.com\n"})
    assert settings.allowed_hosts == ("a.example.com", "b.example.com")


def test_cors_origins_accept_the_origins_of_web_pages() -> None:
    text = "http://localhost:3000, https://*.example.com:8443 http://[::1]:80000"
    with pytest.raises(SettingsError):
        load_settings({"CORS_ORIGINS": text})
    assert load_settings({"CORS_ORIGINS": text[:-1]}).cors_origins == (
        "http://localhost:3000",
        "https://*.example.com:8443",
        "http://[::1]:8000",
    )


def test_the_error_says_why_any_origin_and_null_are_refused() -> None:
    assert "neither *, which is every site, nor null, which is any file" in origins.allowed


@pytest.mark.parametrize(
    "origin",
    [
        "capacitor://localhost",
        "tauri://localhost",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b",
        "safari-web-extension://A1B2C3D4-0000-4000-8000-00000000ABCD",
        "vscode-webview://0abc.def",
        "http://my_app.test:3000",
        "https://xn--4ca.example.com",
        "https://[::1]:*",
    ],
)
def test_cors_origins_accept_the_origins_of_apps_and_extensions(origin: str) -> None:
    assert load_settings({"CORS_ORIGINS": origin}).cors_origins == (origin,)


@pytest.mark.parametrize(
    ("text", "amount", "seconds"),
    [
        ("600/minute", 600, 60),
        ("10 per 15 minutes", 10, 900),
        ("1/second", 1, 1),
        ("1000000000/year", 10**9, 360 * 24 * 3600),
    ],
)
def test_rates_are_in_the_notation_of_the_library_limits(
    text: str, amount: int, seconds: int
) -> None:
    rate = load_settings({"RATE_LIMIT": text}).rate_limit
    assert rate is not None
    assert (rate.amount, rate.get_expiry()) == (amount, seconds)
    assert load_settings({"RATE_LIMIT": "off"}).rate_limit is None


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://user:password@redis.example:6379/0",
        "rediss://redis.example/1?ssl_cert_reqs=required",
        "unix:///run/redis.sock",
        "unix://:password@/run/redis.sock?db=1",
        "",
    ],
)
def test_redis_url_accepts_every_kind_of_address(url: str) -> None:
    assert load_settings({"REDIS_URL": url}).redis_url == url


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("SECRET_KEY", "too short to sign"),
        ("SECRET_KEY", "a" * 37),
        ("SECRET_KEY_FALLBACKS", f"{'long enough, this one is, I think'.replace(' ', '')} short"),
        ("JWT_JWKS_URL", "http://id.example.com/keys"),
        ("JWT_JWKS_URL", "http://127.0.0.1.example.com/"),
        ("JWT_JWKS_URL", "https://anna:hidden@id.example.com/"),
        ("JWT_JWKS_URL", "file:///etc/passwd"),
        ("JWT_JWKS_URL", "https://id.example.com/\x7f"),
        ("JWT_JWKS_URL", "https://[::1"),
        ("DATABASE_URL", "mysql://user:password@host/items"),
        ("DATABASE_URL", "postgresql://anna:hidden@db.example"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "sqlite:///api.db?mode=ro"),
        ("REDIS_URL", "http://:hidden@redis.example"),
        ("REDIS_URL", "redis://:hidden@redis.example/items"),
        ("REDIS_URL", "redis:///0"),
        ("REDIS_URL", "redis://redis.example?db=hidden"),
        ("REDIS_URL", "unix://redis.sock"),
        ("REDIS_URL", "redis://redis.example/0?nonsense=1"),
    ],
)
def test_the_value_of_a_secret_setting_is_not_in_the_error(key: str, value: str) -> None:
    with pytest.raises(SettingsError) as stop:
        load_settings({key: value})
    assert str(stop.value).startswith(f"{key}=(not shown) is not allowed: ")
    assert value not in str(stop.value)


def test_a_database_parameter_without_effect_is_refused_by_name() -> None:
    with pytest.raises(SettingsError) as stop:
        load_settings({"DATABASE_URL": "postgresql://anna:hidden@db/items?gssencmode=require"})
    allowed = "gssencmode in it must be disable, prefer"
    assert str(stop.value) == f"DATABASE_URL=(not shown) is not allowed: {allowed}"


def test_integers_are_accepted_exactly_within_their_documented_limits() -> None:
    limits = {
        declared.name: limits.groups()
        for declared in fields(Settings)
        if (
            limits := re.fullmatch(
                r"(\d+) to (\d+)(, or off)?", declared.metadata["parser"].allowed
            )
        )
    }
    assert len(limits) >= 20
    for name, (low, high, _) in limits.items():
        assert getattr(load_settings({name.upper(): low}), name) == int(low)
        assert getattr(load_settings({name.upper(): high}), name) == int(high)
        for beyond in (int(low) - 1, int(high) + 1):
            with pytest.raises(SettingsError):
                load_settings({name.upper(): str(beyond)})
