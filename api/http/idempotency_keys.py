"""Idempotency-Key: a write that is carried out once, however often its request is sent
(the IETF httpapi draft "The Idempotency-Key HTTP Header Field", version 07)."""

import hashlib
import re
from collections.abc import Callable
from contextvars import copy_context
from typing import Annotated, Any, TypeVar

from flask import request

from api.http.errors import InvalidRequest
from api.http.providers import Call, Provider
from openapi.operation import RequestHeader
from storage import DatabaseUnavailable, idempotency
from storage.errors import KeyInUse, KeyReused
from storage.idempotency import Answer

T = TypeVar("T")

PATTERN = "^[!-~]+$"
LONGEST = 255
IDEMPOTENCY_KEY = RequestHeader(
    name="Idempotency-Key",
    description="Any text of your own, new for each write. Sent again with the same request "
    "within 24 hours, the response is the first one again, and nothing is written twice.",
    example="8e03978e-40d5-43e8-bc93-6894a57f9324",
    schema={"type": "string", "pattern": PATTERN, "minLength": 1, "maxLength": LONGEST},
)


class IdempotentCall:
    """`await write(function, …)` in place of `await caller.write(function, …)`."""

    def __init__(self, call: Call, key: str | None) -> None:
        self._call = call
        self._key = key

    async def __call__(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T | Answer:
        """What `function` returns, or with a key the answer that is stored under it."""
        caller, render = self._call.caller, self._call.render
        if self._key is None:
            return await caller.write(function, *args, **kwargs)
        # The answer is made within the transaction, which may be in another thread.
        context = copy_context()
        return await caller.write(
            idempotency.run_once,
            self._key,
            fingerprint(self._call.data),
            lambda connection, viewer: function(connection, viewer, *args, **kwargs),
            lambda result: context.run(render, result),
        )


def fingerprint(body: bytes) -> bytes:
    """What tells the request from another: method, path, query, media type and body."""
    parts = (request.method, request.path, request.query_string.decode("latin-1"), request.mimetype)
    return hashlib.sha256("\0".join(parts).encode() + b"\0" + body).digest()


def read_key() -> str | None:
    """That of the request. Raises InvalidRequest."""
    key = request.headers.get(IDEMPOTENCY_KEY.name)
    if key is not None and not (len(key) <= LONGEST and re.fullmatch(PATTERN, key)):
        detail = f"Must be 1 to {LONGEST} visible ASCII characters."
        raise InvalidRequest([{"detail": detail, "header": IDEMPOTENCY_KEY.name}])
    return key


IdempotentWrite = Annotated[
    IdempotentCall,
    Provider(
        lambda call: IdempotentCall(call, read_key()),
        errors=(KeyReused, KeyInUse, DatabaseUnavailable),
        headers=(IDEMPOTENCY_KEY,),
        identifies=True,
    ),
]
"""For writes that a client may send again under the same Idempotency-Key."""
