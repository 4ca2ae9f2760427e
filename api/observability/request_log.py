"""A record of each request, for its id, its log line and the metrics.

This is WSGI middleware, because a streamed response ends after Flask has finished the request.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import getrandbits
from typing import Any
from uuid import UUID
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from flask import request

from api.observability.metrics import Metrics
from api.runtime.proxies import Address, TrustedProxies, client_address

RECORD = "api.record"
"""The environ's key for the request's record."""
REQUEST_ID_HEADER = "X-Request-ID"
VALID_ID = re.compile(r"[!-~]{1,128}")
MAX_METHOD = 20
"""The logged characters of a method. A registered one has at most 17, a client may send 16,000."""

log = logging.getLogger("request")


@dataclass(slots=True)
class Record:
    """The data of a request for its log line, filled in while it is handled.

    `operation`: the view's name, None if no route matched. `size`: the bytes of the response's
    body. `refused_by`: the rate limit that refused the request. `headers`: added to every response,
    errors included. `duration`: in seconds. A record that is `closed` from the start is neither
    logged nor counted.
    """

    id: str
    method: str = ""
    address: Address | None = None
    started: float = 0
    route: str | None = None
    operation: str | None = None
    status: int = 500
    size: int = 0
    duration: float = 0
    user_id: UUID | None = None
    refused_by: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    closed: bool = False

    @property
    def client(self) -> str:
        """The address that the request came from, as text."""
        return "unix" if self.address is None else str(self.address)

    def log_fields(self) -> dict[str, Any]:
        """Return all fields of the log line; api/observability/log.py adds none."""
        refused = {"refused_by": self.refused_by} if self.refused_by else {}
        return {
            "timestamp": f"{datetime.now(UTC).isoformat(timespec='microseconds')[:-6]}Z",
            "level": "info",
            "logger": log.name,
            "event": "request",
            "method": self.method,
            "route": self.route,
            "operation": self.operation,
            "status": self.status,
            "bytes": self.size,
            "duration_ms": round(self.duration * 1000, 3),
            "client": self.client,
            "user_id": self.user_id and str(self.user_id),
            **refused,
            "request_id": self.id,
        }

    def match(self, environ: WSGIEnvironment) -> None:
        """Record the rule that matched, such as /api/orders/<id:order_id>, before Flask removes the
        request from the environ."""
        rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
        if rule is not None:
            self.route = str(rule.rule)
            # A preflight matches the rule of some view, but no view is called.
            name = rule.endpoint.rpartition(".")[2]
            self.operation = "options" if self.method == "OPTIONS" else name


class RequestLog:
    """Gives each request a record, and finally logs and counts it. Adds to each response its id,
    and those of `headers` that it lacks.

    If several applications handle one request in turn, they share its record.
    """

    def __init__(
        self,
        application: WSGIApplication,
        metrics: Metrics,
        proxies: TrustedProxies,
        headers: Mapping[str, str],
    ) -> None:
        self._application = application
        self._metrics = metrics
        self._proxies = proxies
        self._headers = [(name.lower(), (name, value)) for name, value in headers.items()]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        record = environ.get(RECORD) or self._begin(environ)

        def start(code: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            record.status = int(code[:3])
            record.match(environ)
            # A Flask hook with `headers.setdefault` would take ten times as long.
            present = {name.lower() for name, _ in headers}
            missing = [header for lower, header in self._headers if lower not in present]
            added = [*record.headers.items(), (REQUEST_ID_HEADER, record.id), *missing]
            return start_response(code, headers + added, *exc_info)

        try:
            answer = self._application(environ, start)
        except BaseException:
            self._end(record, True)
            raise
        return LoggedResponse(answer, record, self._end)

    def _begin(self, environ: WSGIEnvironment) -> Record:
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        record = environ[RECORD] = Record(
            id=sent if VALID_ID.fullmatch(sent) else random_id(),
            method=environ["REQUEST_METHOD"][:MAX_METHOD],
            address=client_address(environ, self._proxies),
            started=time.perf_counter(),
        )
        structlog.contextvars.bind_contextvars(request_id=record.id)
        self._metrics.begin()
        return record

    def _end(self, record: Record, failed: bool) -> None:
        if record.closed:
            return  # already logged, as the failure to which this is the response
        record.closed = True
        record.duration = time.perf_counter() - record.started
        if failed:
            record.status = 500
        self._metrics.end(record.operation, record.status, record.duration, record.refused_by)
        if log.isEnabledFor(logging.INFO):
            # log.info() isn't used, because it would look up the caller's place in the code.
            log.handle(
                logging.LogRecord(log.name, logging.INFO, "", 0, record.log_fields(), (), None)
            )


class LoggedResponse:
    """A WSGI iterable that calls `end` when it is closed, with whether it has failed."""

    def __init__(
        self, answer: Iterable[bytes], record: Record, end: Callable[[Record, bool], None]
    ) -> None:
        self._chunks = iter(answer)
        self._close = getattr(answer, "close", None)
        self._record = record
        self._end = end
        self._failed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = next(self._chunks)
        except StopIteration:
            raise
        except Exception:
            self._failed = True
            raise
        self._record.size += len(chunk)
        return chunk

    def close(self) -> None:
        try:
            if self._close is not None:
                self._close()
        finally:
            self._end(self._record, self._failed)


def random_id() -> str:
    """Return an id for a request. It is no secret, so it needs no system call."""
    return f"{getrandbits(128):032x}"


def current_record() -> Record:
    record: Record = request.environ[RECORD]
    return record
