"""What is logged during the tests: no secret, and lines that a machine can read.

Whatever is written is looked at, by the fixture `log_faults` and by those who start a process.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable

import pytest
from flask import has_request_context
from structlog.processors import JSONRenderer
from structlog.stdlib import ProcessorFormatter

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
MEMBERS = {"event", "level", "logger", "timestamp"}


def leaks_in(lines: Iterable[str]) -> list[str]:
    """Those with a secret in them."""
    return [line for line in lines if SECRET.search(line)]


def unreadable_in(lines: Iterable[str], *, of_request: bool = False) -> list[str]:
    """Those that aren't an object of JSON with what each line has; `of_request`: with the id."""
    needed = MEMBERS | {"request_id"} if of_request else MEMBERS
    return [line for line in lines if needed - members_of(line)]


def members_of(line: str) -> set[str]:
    try:
        told = json.loads(line)
    except ValueError:
        return set()
    return {name for name, value in told.items() if value} if isinstance(told, dict) else set()


def watch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that each line with a fault which is logged from now on is added to."""
    found: list[str] = []
    render: Callable[[logging.Handler, logging.LogRecord], str] = logging.Handler.format

    def watched(handler: logging.Handler, record: logging.LogRecord) -> str:
        line = render(handler, record)
        found.extend(leaks_in([line]))
        if writes_json(handler):
            found.extend(unreadable_in([line], of_request=has_request_context()))
        return line

    monkeypatch.setattr(logging.Handler, "format", watched)
    return found


def writes_json(handler: logging.Handler) -> bool:
    formatter = handler.formatter
    return isinstance(formatter, ProcessorFormatter) and any(
        isinstance(processor, JSONRenderer) for processor in formatter.processors
    )
