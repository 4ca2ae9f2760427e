"""How the fields of a schema become JSON: by orjson where it can, otherwise by themselves."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from marshmallow import fields

NOT_JSON = (
    "may have values that JSON has no type for: use a typed field; for decimals, "
    "schemas.values_as_text.DecimalText or fields.Decimal(as_string=True)"
)
JSON_FIELDS = (
    fields.String,
    fields.UUID,
    fields.Integer,
    fields.Boolean,
    fields.DateTime,
    fields.Date,
    fields.Time,
    fields.TimeDelta,
    fields.Enum,
    fields.IP,
    fields.Nested,
)


def is_json(field: fields.Field[Any] | None) -> bool:
    """Return whether orjson can write every value of the field."""
    match field:
        case fields.Decimal():
            return field.as_string
        case fields.Float():
            return not field.allow_nan
        case fields.Enum():
            plain = all(isinstance(member.value, str | int | float) for member in field.enum)
            return is_json(field.field) or (field.by_value is True and plain)
        case fields.List():
            return is_json(field.inner)
        case fields.Dict():
            return all(is_json(inner) for inner in (field.key_field, field.value_field))
    return isinstance(field, JSON_FIELDS)


class Plan(NamedTuple):
    """How objects are serialized: the keys and the attributes of the fields, in one order, and
    the serializers of the values that orjson would write differently."""

    keys: tuple[str, ...]
    attributes: tuple[str, ...]
    values_of: Callable[[Any], tuple[Any, ...]]
    others: list[tuple[str, Callable[..., Any]]]


def plan_of(dump_fields: Mapping[str, fields.Field[Any]]) -> Plan:
    named = [(field.data_key or name, name, field) for name, field in dump_fields.items()]
    attributes = [field.attribute or name for _, name, field in named]
    return Plan(
        tuple(key for key, _, _ in named),
        tuple(attributes),
        attrgetter(*attributes) if len(attributes) > 1 else _only(attributes),
        [(key, _serializer(field)) for key, _, field in named if not _is_for_orjson(field)],
    )


def _serializer(field: fields.Field[Any]) -> Callable[..., Any]:
    """Return the field's own serializer, or for a list of objects that of their schema."""
    nested = field.inner if isinstance(field, fields.List) else None
    if not isinstance(nested, fields.Nested) or field.allow_none or nested.allow_none:
        return field._serialize
    return lambda objects, *_: nested.schema.dump(objects, many=True)


def _is_for_orjson(field: fields.Field[Any]) -> bool:
    """Return whether orjson writes the values of rows and records as the field would."""
    if isinstance(field, fields.List):
        return _is_for_orjson(field.inner)
    if isinstance(field, fields.Integer):
        return not field.as_string
    return type(field)._serialize in {
        fields.String._serialize,
        fields.Boolean._serialize,
        fields.UUID._serialize,
    }


def from_postgresql(value: Any) -> str | int:
    """Convert what orjson can't write: asyncpg's own UUIDs, and the Decimal of a sum."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    raise TypeError


def _only(attributes: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return an attrgetter() for one name or none, which returns a tuple all the same."""
    return lambda obj: tuple(getattr(obj, name) for name in attributes)
