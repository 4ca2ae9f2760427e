"""The settings from the environment and a .env file. Only this module reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

from api.config import parsers
from api.config.declaration import DEVELOPMENT, PRODUCTION, NotAllowed, SettingsError
from api.config.env_file import likely_name, read_env_file
from api.config.secret_key_file import SECRET_KEY_FILE, kept_secret_key
from api.config.settings import Settings

NAMES = tuple(declared.name.upper() for declared in fields(Settings))
MAX_SHOWN = 300
PROVIDER = ("JWT_JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE")


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `environ`, or else of the process's environment and a .env file.

    The environment overrides the file. Raises SettingsError.
    """
    if environ is None:
        environ = {**read_env_file(Path(".env"), NAMES), **os.environ}
    settings = Settings(
        **{declared.name: _parse(declared, environ) for declared in fields(Settings)}
    )
    _check_together(settings)
    if settings.secret_key:
        return settings
    return replace(settings, secret_key=kept_secret_key(SECRET_KEY_FILE))


def misspelled() -> dict[str, str]:
    """Return the variables of the environment that are probably misspelled settings, each with the
    setting's name. Other variables are ignored, since an environment has many."""
    unknown = sorted(name for name in os.environ.keys() - set(NAMES) if name.isidentifier())
    return {name: meant for name in unknown if (meant := likely_name(name, NAMES))}


def _parse(declared: Field[Any], environ: Mapping[str, str]) -> Any:
    name, metadata = declared.name.upper(), declared.metadata
    environment = environ.get("ENVIRONMENT", DEVELOPMENT)
    text = environ.get(name, metadata["defaults"].get(environment, ""))
    try:
        return metadata["parser"].parse(text)
    except ValueError as error:
        shown = "(not shown)" if metadata["secret"] else _in_one_line(text)
        allowed = error if isinstance(error, NotAllowed) else metadata["parser"].allowed
        raise SettingsError(f"{name}={shown} is not allowed: {allowed}") from None


def _check_together(settings: Settings) -> None:
    """Raise SettingsError for settings that contradict or lack each other."""
    if not settings.auth_required and settings.host not in parsers.LOOPBACK:
        raise SettingsError(f"HOST={settings.host} is not allowed: {parsers.host.allowed}")
    missing = [name for name in PROVIDER if not getattr(settings, name.lower())]
    if 0 < len(missing) < len(PROVIDER):
        together = f"{', '.join(PROVIDER[:-1])} and {PROVIDER[-1]} belong together"
        raise SettingsError(f"{missing[0]} is missing: {together}")
    if settings.tls_keyfile and not settings.tls_certfile:
        raise SettingsError("TLS_CERTFILE is missing: TLS_KEYFILE requires it")
    if settings.environment == PRODUCTION and not settings.secret_key:
        raise SettingsError(f"SECRET_KEY is missing: {parsers.secret_key.allowed}")


def _in_one_line(text: str) -> str:
    """Return `text` shortened, and escaped if it could forge a line of the log or control a
    terminal."""
    shown = text if text.isprintable() else ascii(text)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"
