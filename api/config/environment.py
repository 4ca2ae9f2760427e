"""The settings as the environment and a .env file say them, read here and only here."""

import os
from collections.abc import Callable, Mapping
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

from api.config.env_file import likely_name, read_env_file
from api.config.parsers import LOOPBACK
from api.config.secret_key_file import kept_secret_key
from api.config.settings import DEVELOPMENT, PRODUCTION, Settings, SettingsError

NAMES = tuple(declared.name.upper() for declared in fields(Settings))
LONGEST_SHOWN = 300
PROVIDER = ("JWT_JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE")


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of `environ`; without it, of the process's environment over a .env file.

    Raises SettingsError.
    """
    if environ is None:
        environ = {**read_env_file(Path(".env"), NAMES), **os.environ}
    settings = Settings(
        **{declared.name: _read(declared, environ) for declared in fields(Settings)}
    )
    for objection in OBJECTIONS:
        if reason := objection(settings):
            raise SettingsError(reason)
    if settings.secret_key:
        return settings
    return replace(settings, secret_key=kept_secret_key(Path("data/secret_key")))


def misspelled() -> dict[str, str]:
    """Return the variables of the process's environment that are probably meant to be settings,
    each with the setting's name. Others are none of our business: an environment has many."""
    unknown = sorted(name for name in os.environ.keys() - set(NAMES) if name.isidentifier())
    return {name: meant for name in unknown if (meant := likely_name(name, NAMES))}


def _read(declared: Field[Any], environ: Mapping[str, str]) -> Any:
    key, about = declared.name.upper(), declared.metadata
    environment = environ.get("ENVIRONMENT", DEVELOPMENT)
    text = environ.get(key, about["defaults"].get(environment, ""))
    try:
        return about["read"](text)
    except ValueError:
        shown = "(not shown)" if about["secret"] else _in_one_line(text)
        raise SettingsError(f"{key}={shown} is not allowed: {about['allowed']}") from None


def _in_one_line(text: str) -> str:
    """`text` without what would forge a line of the log or command a terminal, and not too long."""
    shown = text if text.isprintable() else ascii(text)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"


def _open_to_others(settings: Settings) -> str | None:
    if settings.auth_required or settings.host in LOOPBACK:
        return None
    return f"HOST={settings.host} is not allowed: {_allowed('host')}"


def _part_of_a_provider(settings: Settings) -> str | None:
    missing = [key for key in PROVIDER if not getattr(settings, key.lower())]
    if len(missing) in {0, len(PROVIDER)}:
        return None
    together = f"{', '.join(PROVIDER[:-1])} and {PROVIDER[-1]} belong together"
    return f"{missing[0]} is missing: {together}"


def _key_without_certificate(settings: Settings) -> str | None:
    if settings.tls_certfile or not settings.tls_keyfile:
        return None
    return "TLS_CERTFILE is missing: TLS_KEYFILE is the key of one"


def _no_secret_key(settings: Settings) -> str | None:
    if settings.secret_key or settings.environment != PRODUCTION:
        return None
    return f"SECRET_KEY is missing: {_allowed('secret_key')}"


# What is wrong with settings that are right one by one: the line that stops the start, or None.
OBJECTIONS: tuple[Callable[[Settings], str | None], ...] = (
    _open_to_others,
    _part_of_a_provider,
    _key_without_certificate,
    _no_secret_key,
)


def _allowed(name: str) -> str:
    allowed: str = Settings.__dataclass_fields__[name].metadata["allowed"]
    return allowed
