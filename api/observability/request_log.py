"""One record of each request: its id, its line in the log, its share in the metrics.

WSGI middleware, because a streamed answer ends after Flask has let go of the request.
"""

import logging
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, Protocol, cast
from uuid import UUID
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import structlog
from flask import request

from api.runtime.client_address import Address, TrustedProxies, client_address

RECORD = "items.record"
"""The environ's key for the request's record."""
REQUEST_ID_HEADER = "X-Request-ID"
VALID_ID = re.compile(r"[!-~]{1,128}")

log = logging.getLogger("request")


@dataclass(slots=True)
class Record:
    """What is known of a request, more and more until it has been answered.

    `operation`: the view's name, None where no address matched. `size`: bytes of the answer's
    body. `refused_by`: the rate limit that was in the way.
    `headers`: what whatever answer there is must have. `duration`: seconds. A record that is
    `closed` from the start is that of a request that nobody is to hear of.
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
        """The address that the request came from, in words."""
        return "unix" if self.address is None else str(self.address)

    def told(self) -> dict[str, Any]:
        """What the log is told, which api/observability/log.py needn't add anything to."""
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
        """Note the rule that matched, such as /api/items/<id:item_id>, before Flask takes the
        request out of the environ."""
        rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
        if rule is not None:
            self.route = str(rule.rule)
            # To a preflight any view's rule matches, and none is called.
            name = rule.endpoint.rpartition(".")[2]
            self.operation = "options" if self.method == "OPTIONS" else name


class Observer(Protocol):
    """Hears of each request twice."""

    def begin(self) -> None: ...

    def end(self, record: Record) -> None: ...


class RequestLog:
    """Gives each request a record and sends its id back; at the end logs it and tells `observer`.

    The applications that may answer one request, one after the other, share its record.
    """

    def __init__(
        self, application: WSGIApplication, observer: Observer, proxies: TrustedProxies
    ) -> None:
        self._application = application
        self._observer = observer
        self._proxies = proxies

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        record = environ.get(RECORD) or self._begin(environ)

        def start(code: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            record.status = int(code[:3])
            record.match(environ)
            return start_response(code, [*headers, (REQUEST_ID_HEADER, record.id)], *exc_info)

        try:
            answer = self._application(environ, start)
        except BaseException:
            self._end(record, failed=True)
            raise
        return LoggedAnswer(answer, record, self._end)

    def _begin(self, environ: WSGIEnvironment) -> Record:
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        record = environ[RECORD] = Record(
            id=sent if VALID_ID.fullmatch(sent) else token_hex(16),
            method=environ["REQUEST_METHOD"],
            address=client_address(environ, self._proxies),
            started=time.perf_counter(),
        )
        structlog.contextvars.bind_contextvars(request_id=record.id)
        self._observer.begin()
        return record

    def _end(self, record: Record, *, failed: bool) -> None:
        if record.closed:
            return  # as the failure that this answers
        record.closed = True
        record.duration = time.perf_counter() - record.started
        if failed:
            record.status = 500
        self._observer.end(record)
        if log.isEnabledFor(logging.INFO):
            # Not by log.info(), which would look for the caller's place in the code.
            log.handle(logging.LogRecord(log.name, logging.INFO, "", 0, record.told(), (), None))


class End(Protocol):
    def __call__(self, record: Record, *, failed: bool) -> None: ...


class LoggedAnswer:
    """A WSGI iterable that says when it is closed, and whether it failed before."""

    def __init__(self, answer: Iterable[bytes], record: Record, end: End) -> None:
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
            self._end(self._record, failed=self._failed)


def current_record() -> Record:
    """That of the request which is being handled."""
    return cast(Record, request.environ[RECORD])
