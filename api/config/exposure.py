"""What the settings expose, in the log of each start."""

import structlog

from api.config.declaration import PRODUCTION
from api.config.environment import misspelled
from api.config.secret_key_file import SECRET_KEY_FILE
from api.config.settings import Settings
from storage.engines.private_files import open_to_others

log = structlog.get_logger(__name__)


def report(settings: Settings) -> None:
    """Log what is possible without an access token. Warn of a secret key that others can read and
    of misspelled settings."""
    line = {
        "sign_in": "required" if settings.auth_required else "not required",
        "registration": "open" if settings.registration else "closed",
        "docs": "open" if settings.docs_enabled else "off",
        "metrics": _metrics(settings),
        "hosts": " ".join(settings.answered_hosts) or "localhost and IP addresses",
    }
    if settings.auth_required:
        log.info("exposure", **line)
    else:
        meaning = "AUTH_REQUIRED is off: every caller can read and change all data"
        log.warning("exposure", **line, meaning=meaning)
    if open_to_others(SECRET_KEY_FILE):
        meaning = "other users of this machine can read or replace the key: chmod 600 its file"
        log.warning("secret_key_exposed", file=str(SECRET_KEY_FILE), meaning=meaning)
    for name, meant in misspelled().items():
        log.warning("unknown_setting", name=name, did_you_mean=meant)


def _metrics(settings: Settings) -> str:
    if settings.metrics_token:
        return "token required"
    return "off" if settings.environment == PRODUCTION else "open"
