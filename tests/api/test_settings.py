"""Settings: read once, checked at the start, documented."""

import os
import re
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import fields
from pathlib import Path

import pytest

from api.config.declaration import SettingsError
from api.config.environment import load_settings
from api.config.origins import origins
from api.config.settings import Settings
from tests.factory import SECRET_KEY
from tests.processes import environment, run

DOCUMENTATION = Path(__file__).parent.parent.parent / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_development_needs_no_setting_at_all() -> None:
    settings = load_settings({})
    assert settings.environment == "development"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database_url == "sqlite:///data/api.db"
    assert settings.auto_migrate is True
    assert settings.log_format == "console"
    assert (settings.shutdown_delay, settings.shutdown_grace) == (0, 2)
    assert (settings.listen_fd, settings.notify_socket) == (None, "")
    assert settings.cors_origins == (
        "http://localhost:*",
        "http://127.0.0.1:*",
        "http://[::1]:*",
        "https://localhost:*",
        "https://127.0.0.1:*",
        "https://[::1]:*",
    )


def test_production_is_stricter() -> None:
    settings = load_settings({"ENVIRONMENT": "production", "SECRET_KEY": SECRET_KEY})
    assert settings.cors_origins == ()
    assert settings.registration is False
    assert settings.docs_enabled is False
    assert settings.auto_migrate is False
    assert settings.log_format == "json"
    assert (settings.shutdown_delay, settings.shutdown_grace) == (5, 20)


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
def test_a_bad_value_stops_the_start_with_one_line(key: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as stop:
        load_settings({key: value})
    line = str(stop.value)
    assert line.startswith(f"{key}={value} is not allowed: {allowed}")
    assert "\n" not in line


@pytest.mark.parametrize(
    "forged", ["8000\n[error] all items are lost", "8\x1b[2J", "8\u2028", "8\x85", "8\u202e"]
)
@pytest.mark.parametrize("key", ["PORT", "CONTACT", "TLS_CERTFILE", "PROMETHEUS_MULTIPROC_DIR"])
def test_a_value_cannot_forge_a_line_nor_command_a_terminal(key: str, forged: str) -> None:
    with pytest.raises(SettingsError) as stop:
        load_settings({key: forged})
    assert str(stop.value).startswith(f"{key}={forged!a} is not allowed: ")
    assert str(stop.value).isprintable()


def test_a_very_long_value_is_shown_in_part() -> None:
    with pytest.raises(SettingsError) as stop:
        load_settings({"PORT": "9" * 1_000_000})
    assert len(str(stop.value)) < 400


PROVIDER = {
    "JWT_JWKS_URL": "http://127.0.0.1:8080/keys",
    "JWT_ISSUER": "https://id.example.com/",
    "JWT_AUDIENCE": "items",
}


@pytest.mark.parametrize("missing", PROVIDER)
def test_an_identity_provider_is_named_as_a_whole(missing: str) -> None:
    settings = load_settings(PROVIDER)
    assert (settings.jwt_jwks_url, settings.jwt_issuer, settings.jwt_audience) == tuple(
        PROVIDER.values()
    )
    with pytest.raises(SettingsError) as stop:
        load_settings({**PROVIDER, missing: ""})
    assert str(stop.value) == (
        f"{missing} is missing: JWT_JWKS_URL, JWT_ISSUER and JWT_AUDIENCE belong together"
    )


def test_a_list_may_have_lines() -> None:
    settings = load_settings({"ALLOWED_HOSTS": "a.example.com\nb.example.com\n"})
    assert settings.allowed_hosts == ("a.example.com", "b.example.com")


def test_takes_origins_as_browsers_write_them() -> None:
    text = "http://localhost:3000, https://*.example.com:8443 http://[::1]:80000"
    with pytest.raises(SettingsError):
        load_settings({"CORS_ORIGINS": text})
    assert load_settings({"CORS_ORIGINS": text[:-1]}).cors_origins == (
        "http://localhost:3000",
        "https://*.example.com:8443",
        "http://[::1]:8000",
    )


def test_the_reason_is_given_why_an_origin_is_refused() -> None:
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
def test_takes_the_origins_of_apps_and_extensions(origin: str) -> None:
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
def test_takes_rates_in_the_notation_of_limits(text: str, amount: int, seconds: int) -> None:
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
def test_takes_the_addresses_of_redis(url: str) -> None:
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
def test_a_bad_secret_is_not_shown(key: str, value: str) -> None:
    with pytest.raises(SettingsError) as stop:
        load_settings({key: value})
    assert str(stop.value).startswith(f"{key}=(not shown) is not allowed: ")
    assert value not in str(stop.value)


def test_a_parameter_of_the_database_that_would_not_be_obeyed_is_named() -> None:
    with pytest.raises(SettingsError) as stop:
        load_settings({"DATABASE_URL": "postgresql://anna:hidden@db/items?gssencmode=require"})
    allowed = "gssencmode in it must be disable, prefer"
    assert str(stop.value) == f"DATABASE_URL=(not shown) is not allowed: {allowed}"


def test_production_does_not_start_without_a_secret_key() -> None:
    with pytest.raises(SettingsError, match=r"^SECRET_KEY is missing: 32 bytes or more"):
        load_settings({"ENVIRONMENT": "production"})


def test_a_key_without_a_certificate_stops_the_start(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    with pytest.raises(SettingsError, match=r"^TLS_CERTFILE is missing: "):
        load_settings({"TLS_KEYFILE": str(key)})
    both = {"TLS_KEYFILE": str(key), "TLS_CERTFILE": str(key)}
    assert load_settings(both).tls_keyfile == str(key)


def test_development_makes_one_secret_key_and_keeps_it(tmp_path: Path) -> None:
    first, second = load_settings({}), load_settings({})
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 32
    file = tmp_path / "data" / "secret_key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["secret_key"]


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "warned"),
    [(0o755, 0o644, True), (0o750, 0o660, True), (0o700, 0o644, False), (0o755, 0o600, False)],
)
def test_a_kept_key_that_others_can_read_is_warned_of(
    tmp_path: Path, folder_mode: int, file_mode: int, warned: bool
) -> None:
    load_settings({})
    file = tmp_path / "data" / "secret_key"
    file.parent.chmod(folder_mode)
    file.chmod(file_mode)
    # No such descriptor is open, so the server ends after its first log lines.
    ended = run(tmp_path, "asgi", LISTEN_FD="1000", SECRET_KEY="")
    assert "exposure" in ended.stderr
    assert ("secret_key_exposed" in ended.stderr) is warned
    assert stat.S_IMODE(file.stat().st_mode) == file_mode


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"too short to sign", b" " * 40, b"\xff" * 40, b"x" * 31 + b"\n"]
)
def test_a_kept_key_that_is_too_short_stops_the_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "secret_key"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as stop:
        load_settings({})
    assert str(stop.value) == (
        "data/secret_key is not allowed as a secret key: 32 bytes or more, with 8 different "
        "characters or more; delete the file to have a new key made"
    )
    assert file.read_bytes() == content


@pytest.mark.parametrize("what", ["data/secret_key", "data"])
def test_a_kept_key_that_cannot_be_used_stops_the_start(tmp_path: Path, what: str) -> None:
    if what == "data":
        (tmp_path / "data").touch()
        reason = "Not a directory"
    else:
        (tmp_path / "data" / "secret_key").mkdir(parents=True)
        reason = "Is a directory"
    with pytest.raises(SettingsError) as stop:
        load_settings({})
    assert str(stop.value) == f"data/secret_key can't be used: {reason}"


@pytest.mark.parametrize("call", ["os.fsync", "os.link"])
def test_a_crash_while_the_key_is_written_leaves_none(tmp_path: Path, call: str) -> None:
    """A process that is killed at `call` leaves no key, and the next start makes a whole one."""
    code = (
        "import os, signal\n"
        f"{call} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from api.config.environment import load_settings\n"
        "load_settings({})"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "data" / "secret_key").exists()
    assert len(load_settings({}).secret_key) >= 32


def test_starts_at_the_same_time_agree_on_the_secret_key() -> None:
    keys: list[str] = []
    together = threading.Barrier(8)

    def start() -> None:
        together.wait()
        keys.append(load_settings({}).secret_key)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nLOG_LEVEL=DEBUG\n")
    monkeypatch.setenv("PORT", "9001")
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    settings = load_settings()
    assert settings.port == 9001
    assert settings.log_level == "DEBUG"
    assert "LOG_LEVEL" not in os.environ


def test_integers_are_taken_up_to_the_limits_that_the_documentation_names() -> None:
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


def test_every_setting_is_documented_as_it_is() -> None:
    text = DOCUMENTATION.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [row_of(declared.name) for declared in fields(Settings)]


def row_of(name: str) -> str:
    """The row of docs/settings.md for a setting; what the test above prints can be copied."""
    about = Settings.__dataclass_fields__[name].metadata
    defaults = about["defaults"]
    default = f"`{defaults['development']}`" if defaults["development"] else ""
    if defaults["production"] != defaults["development"]:
        production = f"`{defaults['production']}`" if defaults["production"] else "none"
        default += f"; production: {production}"
    return f"| `{name.upper()}` | {default} | {about['parser'].allowed} | {about['meaning']} |"
