"""Read-only members in the body of a PUT: what GET gave can be sent back as it is."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from marshmallow import Schema, ValidationError, fields

from api.http.errors import InvalidRequest, errors_of
from schemas.base import OutputSchema

DETAIL = "Read-only, and differs from the stored value. Omit it, or read the resource again."
PRECISION = timedelta(seconds=1)
"""Many clients keep fewer digits of a timestamp than they were sent."""


def take_read_only(
    values: dict[str, Any], body: Schema, returns: OutputSchema | None
) -> dict[str, Any]:
    """Remove the members from `values` that only `returns` has, and return them."""
    read_only = _by_key(returns.dump_fields) if returns else {}
    taken = sorted(values.keys() & read_only.keys() - _by_key(body.load_fields).keys())
    return {key: values.pop(key) for key in taken}


def require_same(sent: Mapping[str, Any], row: Any, returns: OutputSchema) -> None:
    """Raise InvalidRequest for each member of `sent` whose value isn't that of `row`."""
    stored = orjson.loads(returns.to_json(row))
    by_key = _by_key(returns.dump_fields)
    wrong = [key for key in sent if not _are_same(by_key[key], sent[key], stored[key])]
    if wrong:
        raise InvalidRequest(errors_of({key: [DETAIL] for key in wrong}))


def _are_same(field: fields.Field[Any], sent: Any, stored: Any) -> bool:
    """Return whether both mean the same: clients write timestamps and ids in their own forms."""
    if sent == stored:
        return True
    try:
        one, other = field.deserialize(sent), field.deserialize(stored)
    except ValidationError:
        return False
    if isinstance(one, datetime) and isinstance(other, datetime):
        return abs(one - other) < PRECISION
    return bool(one == other)


def _by_key(schema_fields: Mapping[str, fields.Field[Any]]) -> dict[str, fields.Field[Any]]:
    return {field.data_key or name: field for name, field in schema_fields.items()}
