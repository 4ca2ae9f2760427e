"""Cursors: a place in a list, signed for the operation that gave it, so that one that was tampered
with is refused."""

from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

from flask import Flask, current_app, request
from itsdangerous import BadData, URLSafeSerializer

from api.errors import InvalidRequest
from api.settings import Settings
from storage.pages import Position

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def init_app(app: Flask, settings: Settings) -> None:
    # itsdangerous signs with the last key and accepts all of them.
    keys = [*settings.secret_key_fallbacks, settings.secret_key]
    app.extensions["cursors"] = URLSafeSerializer(keys)


def encode(position: Position | None) -> str | None:
    if position is None:
        return None
    microseconds = (position.created_at - EPOCH) // MICROSECOND
    return str(_serializer().dumps([microseconds, position.id.hex], salt=request.endpoint))


def decode(cursor: str | None) -> Position | None:
    """Raises InvalidRequest if `cursor` is none that this operation gave."""
    if cursor is None:
        return None
    try:
        microseconds, hexadecimal = _serializer().loads(cursor, salt=request.endpoint)
    except BadData:
        detail = "Not a cursor of this list: send next_cursor as it was given."
        raise InvalidRequest([{"detail": detail, "parameter": "cursor"}]) from None
    return Position(EPOCH + microseconds * MICROSECOND, UUID(hexadecimal))


def _serializer() -> URLSafeSerializer:
    return cast(URLSafeSerializer, current_app.extensions["cursors"])
