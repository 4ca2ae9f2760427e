"""Settings: their defaults, their order, what they need of each other, their documentation."""

import os
from dataclasses import fields
from pathlib import Path

import pytest

from api.config.declaration import SettingsError
from api.config.environment import load_settings
from api.config.settings import Settings
from tests.factory import SECRET_KEY

DOCUMENTATION = Path(__file__).parent.parent.parent / "docs" / "settings.md"

pytestmark = pytest.mark.usefixtures("working_directory")


def test_every_setting_has_a_default_in_development() -> None:
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


def test_production_closes_what_development_opens() -> None:
    settings = load_settings({"ENVIRONMENT": "production", "SECRET_KEY": SECRET_KEY})
    assert settings.cors_origins == ()
    assert settings.registration is False
    assert settings.docs_enabled is False
    assert settings.auto_migrate is False
    assert settings.log_format == "json"
    assert (settings.shutdown_delay, settings.shutdown_grace) == (5, 20)


PROVIDER = {
    "JWT_JWKS_URL": "http://127.0.0.1:8080/keys",
    "JWT_ISSUER": "https://id.example.com/",
    "JWT_AUDIENCE": "items",
}


@pytest.mark.parametrize("missing", PROVIDER)
def test_the_settings_of_an_identity_provider_are_given_together_or_not_at_all(
    missing: str,
) -> None:
    settings = load_settings(PROVIDER)
    assert (settings.jwt_jwks_url, settings.jwt_issuer, settings.jwt_audience) == tuple(
        PROVIDER.values()
    )
    with pytest.raises(SettingsError) as stop:
        load_settings({**PROVIDER, missing: ""})
    assert str(stop.value) == (
        f"{missing} is missing: JWT_JWKS_URL, JWT_ISSUER and JWT_AUDIENCE belong together"
    )


def test_production_does_not_start_without_a_secret_key() -> None:
    with pytest.raises(SettingsError, match=r"^SECRET_KEY is missing: 32 bytes or more"):
        load_settings({"ENVIRONMENT": "production"})


def test_a_tls_key_without_a_certificate_stops_the_start(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    with pytest.raises(SettingsError, match=r"^TLS_CERTFILE is missing: "):
        load_settings({"TLS_KEYFILE": str(key)})
    both = {"TLS_KEYFILE": str(key), "TLS_CERTFILE": str(key)}
    assert load_settings(both).tls_keyfile == str(key)


def test_the_environment_overrides_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nLOG_LEVEL=DEBUG\n")
    monkeypatch.setenv("PORT", "9001")
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    settings = load_settings()
    assert settings.port == 9001
    assert settings.log_level == "DEBUG"
    assert "LOG_LEVEL" not in os.environ


def test_docs_settings_md_has_the_row_of_every_setting() -> None:
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
