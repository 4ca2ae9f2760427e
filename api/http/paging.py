"""Cursors: a place in a list, signed for the operation that gave it and for the list's order and
filters, so that one that was tampered with, or that another list gave, is refused."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from flask import request
from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_encode

from api.config.settings import Settings
from api.http.errors import InvalidRequest
from api.runtime.async_flask import AsyncFlask
from api.runtime.services import service
from storage.collections.declaration import LIST_PARAMETERS
from storage.collections.orders import Position

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CODECS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    datetime: (lambda moment: (moment - EPOCH) // MICROSECOND, lambda n: EPOCH + n * MICROSECOND),
    date: (date.isoformat, date.fromisoformat),
    Decimal: (str, Decimal),
    UUID: (str, UUID),
}
"""How a cursor carries the values that JSON has no type for. A datetime is a date too."""
DECODERS = {kind.__name__: from_text for kind, (_, from_text) in CODECS.items()}
LONG = 200
"""Bytes from which it is worth compressing what a cursor carries: a text that was sorted by."""
OF_THE_PAGE = LIST_PARAMETERS - {"sort"}
"""Parameters that may differ from page to page; any other makes another list."""


class PageOf(NamedTuple):
    """A page of rows, as schemas.pages serializes it. The totals are null unless asked for."""

    rows: Any
    next_cursor: str | None
    total: int | None = None
    total_is_exact: bool | None = None


class Cursors(URLSafeSerializer):
    """Writes what is too short to be compressed without trying it, which takes a third of the
    time."""

    def dump_payload(self, obj: Any, *args: Any, **kwargs: Any) -> bytes:
        text = orjson.dumps(obj)
        if len(text) < LONG:
            return base64_encode(text)
        return super().dump_payload(obj, *args, **kwargs)


cursors = service(Cursors)


def init_app(app: AsyncFlask, settings: Settings) -> None:
    # itsdangerous signs with the last key and accepts all of them.
    keys = settings.secret_keys[::-1]
    sha256 = {"digest_method": hashlib.sha256}  # not its default, SHA-1
    app.services[Cursors] = Cursors(keys, signer_kwargs=sha256)


def encode(position: Position | None, query: Mapping[str, Any]) -> str | None:
    """The cursor for the page after `position` of the list that `query` asked for."""
    if position is None:
        return None
    value = position.value
    # By isinstance, since asyncpg has a UUID of its own.
    kind = next((kind for kind in CODECS if isinstance(value, kind)), None)
    carried = value if kind is None else {kind.__name__: CODECS[kind][0](value)}
    return str(cursors.dumps([carried, position.id.hex], salt=_list_of(query)))


def decode(query: Mapping[str, Any]) -> Position | None:
    """The place of the `cursor` in `query`; None without one.

    Raises InvalidRequest unless this operation gave it for the same order and filters.
    """
    if query["cursor"] is None:
        return None
    try:
        value, hexadecimal = cursors.loads(query["cursor"], salt=_list_of(query))
    except BadData:
        detail = (
            "Not a cursor of this list: send next_cursor as it was given, with the same order "
            "and filters."
        )
        raise InvalidRequest([{"detail": detail, "parameter": "cursor"}]) from None
    if isinstance(value, dict):
        [(kind, text)] = value.items()
        value = DECODERS[kind](text)
    return Position(value, UUID(hexadecimal))


def _list_of(query: Mapping[str, Any]) -> str:
    """What a cursor is bound to, as part of the key that signs it: so it needn't be in it."""
    asked = {
        name: sorted(value) if isinstance(value, list) else value
        for name, value in query.items()
        if name not in OF_THE_PAGE
    }
    return f"{request.endpoint}?{sorted(asked.items())}"
