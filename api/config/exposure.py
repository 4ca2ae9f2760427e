"""What the settings leave open, in one line of the log at the start."""

import structlog

from api.config.declaration import PRODUCTION
from api.config.environment import misspelled
from api.config.settings import Settings

log = structlog.get_logger(__name__)


def report(settings: Settings) -> None:
    """Log who may do what without an access token, and what is probably a misspelled setting."""
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
        meaning = "AUTH_REQUIRED is off: every caller can read and change every item"
        log.warning("exposure", **line, meaning=meaning)
    for name, meant in misspelled().items():
        log.warning("unknown_setting", name=name, did_you_mean=meant)


def _metrics(settings: Settings) -> str:
    if settings.metrics_token:
        return "token required"
    return "off" if settings.environment == PRODUCTION else "open"
