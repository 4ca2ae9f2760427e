"""The settings as the environment and a .env file say them, read here and only here."""

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

from dotenv import dotenv_values

from api.readers import LOOPBACK
from api.settings import DEVELOPMENT, PRODUCTION, Settings, SettingsError

PROVIDER = ("JWT_JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE")


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of `environ`; without it, of the process's environment over a .env file.

    Raises SettingsError.
    """
    if environ is None:
        in_file = {k: v for k, v in dotenv_values(".env").items() if v is not None}
        environ = {**in_file, **os.environ}
    environment = environ.get("ENVIRONMENT", DEVELOPMENT)
    values = {}
    for declared in fields(Settings):
        key, about = declared.name.upper(), declared.metadata
        text = environ.get(key, about["defaults"].get(environment, ""))
        try:
            values[declared.name] = about["read"](text)
        except ValueError:
            shown = "(not shown)" if about["secret"] else text
            raise SettingsError(f"{key}={shown} is not allowed: {about['allowed']}") from None
    settings = Settings(**values)
    for objection in OBJECTIONS:
        if reason := objection(settings):
            raise SettingsError(reason)
    if settings.secret_key:
        return settings
    return replace(settings, secret_key=_kept_secret_key(Path("data/secret_key")))


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


def _kept_secret_key(path: Path) -> str:
    """The key kept in `path`, which is made once, readable by its owner alone.

    The file appears whole or not at all, so that processes which start together agree.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(draft, path)
        Path(draft).unlink()
    return path.read_text()
