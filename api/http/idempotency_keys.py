"""Idempotency-Key: a write that is carried out once, however often its request is sent
(the IETF httpapi draft "The Idempotency-Key HTTP Header Field", version 07)."""

import hashlib
import re
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

from flask import request

from api.http.errors import InvalidRequest
from api.identity.caller import Caller
from openapi.operation import RequestHeader
from storage import idempotency
from storage.idempotency import Answer

T = TypeVar("T")

PATTERN = r"^[!-~]{1,255}$"
IDEMPOTENCY_KEY = RequestHeader(
    name="Idempotency-Key",
    description="Any text of your own, new for each write. Sent again with the same request "
    "within 24 hours, it gets the first answer again and nothing is written twice.",
    example="8e03978e-40d5-43e8-bc93-6894a57f9324",
    schema={"type": "string", "pattern": PATTERN, "minLength": 1, "maxLength": 255},
)


class Once:
    """`await once(function, …)` instead of `await caller.write(function, …)`."""

    def __init__(
        self, caller: Caller, key: str | None, body: bytes, render: Callable[[Any], Answer]
    ) -> None:
        self._caller = caller
        self._key = key
        self._body = body
        self._render = render

    async def __call__(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T | Answer:
        """What `function` returns, or with a key the answer that is kept under it."""
        if self._key is None:
            return await self._caller.write(function, *args, **kwargs)
        # The answer is made within the transaction, which may be in another thread.
        context = copy_context()
        return await self._caller.write(
            idempotency.run_once,
            self._key,
            fingerprint(self._body),
            lambda connection, viewer: function(connection, viewer, *args, **kwargs),
            lambda result: context.run(self._render, result),
        )


def fingerprint(body: bytes) -> bytes:
    """What tells the request from another: method, path, query, media type and body."""
    parts = (request.method, request.path, request.query_string.decode("latin-1"), request.mimetype)
    return hashlib.sha256("\0".join(parts).encode() + b"\0" + body).digest()


def read_key() -> str | None:
    """That of the request. Raises InvalidRequest."""
    key = request.headers.get(IDEMPOTENCY_KEY.name)
    if key is not None and not re.fullmatch(PATTERN, key):
        detail = "Must be 1 to 255 visible ASCII characters."
        raise InvalidRequest([{"detail": detail, "header": IDEMPOTENCY_KEY.name}])
    return key
