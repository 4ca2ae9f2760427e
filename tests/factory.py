"""Hand-made data for tests."""

from pathlib import Path

from api import load_settings
from api.config.settings import Settings
from tests.sqlite import migrated_database

MARKER = "kept-from-every-log"
"""What each password in the tests has, so that one which gets into a log is found there."""
PASSWORD = f"{MARKER}, correct horse"
SECRET_KEY = "a key for tests, of 32 bytes or more"
UNLIMITED = dict.fromkeys(
    ("RATE_LIMIT", "LOGIN_RATE_LIMIT", "REFRESH_RATE_LIMIT", "REGISTRATION_RATE_LIMIT"),
    "1000000/second",
)
"""Rates that no test meets by accident."""
PATIENT = {"DATABASE_POOL_TIMEOUT": "60", "DATABASE_STATEMENT_TIMEOUT": "60"}
"""Deadlines that a busy machine doesn't miss."""


def settings_for(folder: Path, **environ: str) -> Settings:
    """Settings as from the environment alone, with a migrated database in `folder`."""
    if "DATABASE_URL" not in environ:
        environ["DATABASE_URL"] = migrated_database(folder)
    return load_settings(
        {
            "ALLOWED_HOSTS": "api.test t",
            "SECRET_KEY": SECRET_KEY,
            "LOG_FORMAT": "json",  # so that what each test logs is parsed: tests/log_lines.py
            **UNLIMITED,
            **PATIENT,
            **environ,
        }
    )
