"""The settings from the environment and a .env file. Only this module reads the environment."""

import os
from collections.abc import Callable, Mapping
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
    for check in CHECKS:
        if error := check(settings):
            raise SettingsError(error)
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


def _in_one_line(text: str) -> str:
    """Return `text` shortened, and escaped if it could forge a line of the log or control a
    terminal."""
    shown = text if text.isprintable() else ascii(text)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"


def _check_open_host(settings: Settings) -> str | None:
    if settings.auth_required or settings.host in parsers.LOOPBACK:
        return None
    return f"HOST={settings.host} is not allowed: {parsers.host.allowed}"


def _check_identity_provider(settings: Settings) -> str | None:
    missing = [name for name in PROVIDER if not getattr(settings, name.lower())]
    if len(missing) in {0, len(PROVIDER)}:
        return None
    together = f"{', '.join(PROVIDER[:-1])} and {PROVIDER[-1]} belong together"
    return f"{missing[0]} is missing: {together}"


def _check_certificate(settings: Settings) -> str | None:
    if settings.tls_certfile or not settings.tls_keyfile:
        return None
    return "TLS_CERTFILE is missing: TLS_KEYFILE requires it"


def _check_secret_key(settings: Settings) -> str | None:
    if settings.secret_key or settings.environment != PRODUCTION:
        return None
    return f"SECRET_KEY is missing: {parsers.secret_key.allowed}"


# Checks across settings. Each returns an error message, or None.
CHECKS: tuple[Callable[[Settings], str | None], ...] = (
    _check_open_host,
    _check_identity_provider,
    _check_certificate,
    _check_secret_key,
)
