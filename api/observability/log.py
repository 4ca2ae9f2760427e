"""The levels and the format of all log lines, structlog's and the standard library's."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import orjson
import structlog

from api.config.settings import Settings
from api.observability.log_output import OUTPUT, check_standard_error

# Tracebacks leave out local variables, which contain clients' data and secrets.
TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)

PACKAGES = ("api", "serving", "storage")
"""The packages whose lines below INFO are logged, if the settings ask for them."""

SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(settings: Settings) -> None:
    """Send every log line of the process to standard error, in the format of the settings."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    check_standard_error()
    if settings.log_format == "json":
        renderer = structlog.processors.JSONRenderer()
        OUTPUT.setFormatter(Formatter(TRACEBACKS, renderer, of_requests=as_json))
    else:
        console = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        OUTPUT.setFormatter(Formatter(console, of_requests=as_text))
    root = logging.getLogger()
    root.handlers = [OUTPUT]
    level = logging.getLevelNamesMapping()[settings.log_level]
    # Libraries log below INFO whatever they get: hpack all headers, with their access tokens.
    root.setLevel(max(level, logging.INFO))
    for package in PACKAGES:
        logging.getLogger(package).setLevel(level)
    # Audit lines are written at every level.
    logging.getLogger("audit").setLevel(logging.INFO)
    # flask-cors logs preflights, Alembic logs migrations; the service has its own lines for both.
    for chatty in ("flask_cors", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("werkzeug").addFilter(is_no_access_line)


class Formatter(structlog.stdlib.ProcessorFormatter):
    """structlog's formatter, except for request lines, which take a third of its time here."""

    def __init__(
        self, *last: structlog.typing.Processor, of_requests: Callable[[dict[str, Any]], str]
    ) -> None:
        without_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
        super().__init__(foreign_pre_chain=SHARED, processors=[without_meta, *last])
        self._of_requests = of_requests

    def format(self, record: logging.LogRecord) -> str:
        if record.name == "request" and isinstance(record.msg, dict):
            return self._of_requests(record.msg)
        return super().format(record)


def as_json(line: dict[str, Any]) -> str:
    return orjson.dumps(line).decode()


def as_text(line: dict[str, Any]) -> str:
    """Format a line as structlog's ConsoleRenderer does, without colours."""
    timestamp, level, logger, event, *fields = line.items()
    about = " ".join(f"{name}={value}" for name, value in fields)
    return f"{timestamp[1]} [{level[1]:<9}] {event[1]:<30} [{logger[1]}] {about}"


def is_no_access_line(record: logging.LogRecord) -> bool:
    """Filter out the request lines of `flask run`, but keep the line that says where it listens."""
    return " - - [" not in str(record.msg)
