"""Idempotency-Key: a write that is carried out once, however often its request is sent
(the IETF httpapi draft "The Idempotency-Key HTTP Header Field", version 07)."""

import hmac
import json
import re
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from flask import Request, request

from api.http.errors import InvalidRequest
from api.http.providers import Provider, RequestInputs
from api.http.read_only import require_same
from openapi.operation import RequestHeader
from storage import DatabaseUnavailable, idempotency
from storage.collections.collection import Collection
from storage.collections.lists import Row
from storage.collections.preconditions import Precondition
from storage.collections.viewers import Viewer
from storage.engines.database import Kind
from storage.errors import KeyInUse, KeyReused, VersionConflict
from storage.idempotency import StoredResponse

P = ParamSpec("P")
T = TypeVar("T")

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
PATTERN = "^[!-~]+$"
MAX_LENGTH = 255
IDEMPOTENCY_KEY = RequestHeader(
    name="Idempotency-Key",
    description="A unique text that you choose for each write. If the same request is sent again "
    "with it within 24 hours, nothing is written twice, and the response is the first one again.",
    example="8e03978e-40d5-43e8-bc93-6894a57f9324",
    schema={"type": "string", "pattern": PATTERN, "minLength": 1, "maxLength": MAX_LENGTH},
)


class IdempotentWrite:
    """Writes that a client may send again under the same Idempotency-Key.

    `await write(function, …)` replaces `await caller.write(function, …)`; `create`, `update` and
    `delete` write one row of a collection.
    """

    provider: ClassVar = Provider(
        lambda inputs: IdempotentWrite(inputs, read_key(inputs.request)),
        errors=(KeyReused, KeyInUse, DatabaseUnavailable),
        headers=(IDEMPOTENCY_KEY,),
        identifies=True,
        public=True,
    )

    def __init__(self, inputs: RequestInputs, key: str | None) -> None:
        self._inputs = inputs
        self._key = key

    async def __call__(
        self, function: Callable[Concatenate[Any, Viewer, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T | StoredResponse:
        """Return what `function` returns, or the stored answer of an earlier request."""
        return await self._run("write", function, *args, **kwargs)

    async def create(
        self, collection: Collection, values: Any, *, quota: int | None = None
    ) -> Row | StoredResponse:
        kind = collection.kind_of_write(values)
        return await self._run(kind, collection.create, values, quota=quota)

    async def delete(
        self, collection: Collection, row_id: UUID, precondition: Precondition
    ) -> StoredResponse | None:
        return await self._run("statement", collection.delete, row_id, precondition)

    async def update(
        self, collection: Collection, row_id: UUID, changes: Any, precondition: Precondition
    ) -> Row | StoredResponse:
        """Like Collection.update. Also raises InvalidRequest for read-only members in the body of a
        PUT that differ from the row's."""
        sent, returns = self._inputs.read_only, self._inputs.returns
        if not sent or returns is None:
            kind = collection.kind_of_write(changes)
            return await self._run(kind, collection.update, row_id, changes, precondition)

        def update_same(connection: Any, viewer: Viewer) -> Row:
            before = collection.get(connection, viewer, row_id)
            after = collection.update(connection, viewer, row_id, changes, precondition)
            if after.version != before.version + 1:
                raise VersionConflict  # by another write in between
            require_same(sent, before, returns)
            return after

        return await self._run("write", update_same)

    async def _run(
        self, kind: Kind, function: Callable[..., T], *args: Any, **kwargs: Any
    ) -> T | StoredResponse:
        caller, render = self._inputs.caller, self._inputs.render
        if self._key is None:
            return await caller.run(kind, function, *args, **kwargs)
        # The answer is made within the transaction, which may be in another thread.
        context = copy_context()
        return await caller.write(
            idempotency.run_once,
            self._key,
            fingerprints(self._inputs),
            lambda connection, viewer: function(connection, viewer, *args, **kwargs),
            lambda result: context.run(render, result),
        )


def fingerprints(inputs: RequestInputs) -> list[bytes]:
    """Return a hash of what the request asks for: its method, its path and its values.

    Keyed, because the values may include a password, which a plain hash would let others guess. The
    first is by SECRET_KEY, the others by the earlier keys.
    """
    request = inputs.request
    values = [request.method, request.path, sorted(request.args.items(multi=True)), inputs.parsed]
    text = json.dumps(values, sort_keys=True).encode()
    return [hmac.digest(key.encode(), text, "sha256") for key in inputs.settings.secret_keys]


def refuse_key() -> None:
    """Raise InvalidRequest if a write that doesn't take the header was sent one: the client would
    rely on it. Reads are safe to repeat, so they ignore it."""
    if IDEMPOTENCY_KEY.name in request.headers:
        detail = "This operation does not take it. Send the request without it."
        raise InvalidRequest([{"detail": detail, "header": IDEMPOTENCY_KEY.name}])


def read_key(request: Request) -> str | None:
    """Return the key of the request, or None. Raises InvalidRequest."""
    key = request.headers.get(IDEMPOTENCY_KEY.name)
    if key is not None and not (len(key) <= MAX_LENGTH and re.fullmatch(PATTERN, key)):
        detail = f"Must be 1 to {MAX_LENGTH} visible ASCII characters."
        raise InvalidRequest([{"detail": detail, "header": IDEMPOTENCY_KEY.name}])
    return key
