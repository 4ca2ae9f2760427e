"""Secrets in what is logged: whatever is written is looked at, whichever the format."""

import logging
import re
from collections.abc import Callable, Iterable

import pytest

from tests.factory import MARKER, SECRET_KEY

SECRET = re.compile(
    "|".join(
        [
            r"eyJ[\w-]+\.eyJ[\w-]+",  # a JWT: header and claims
            r"irt_[\w-]{64}",  # a refresh token
            r"\$argon2",
            re.escape(MARKER),
            re.escape(SECRET_KEY),
            r"BEGIN [A-Z ]*PRIVATE KEY",
        ]
    )
)


def leaks_in(lines: Iterable[str]) -> list[str]:
    """Those with a secret in them."""
    return [line for line in lines if SECRET.search(line)]


def watch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that each line which is logged with a secret from now on is added to."""
    found: list[str] = []
    render: Callable[[logging.Handler, logging.LogRecord], str] = logging.Handler.format

    def watched(handler: logging.Handler, record: logging.LogRecord) -> str:
        line = render(handler, record)
        found.extend(leaks_in([line]))
        return line

    monkeypatch.setattr(logging.Handler, "format", watched)
    return found
