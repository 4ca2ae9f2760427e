"""The base classes of all schemas: input is strict, and output is complete."""

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import orjson
from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, missing
from marshmallow.decorators import post_load, validates_schema

from schemas.fields import Bounded
from schemas.serialization import NOT_JSON, Plan, from_postgresql, is_json, plan_of


class DocumentedSchema(Schema):
    """A schema that the OpenAPI document names after its class and describes by its docstring."""

    json_schema: ClassVar[Mapping[str, Any]] = {}
    """JSON Schema keywords that no field can carry, such as `minProperties`."""
    example: ClassVar[Mapping[str, Any] | None] = None
    """An example of the whole object, if the examples of its fields would mislead together."""


class InputSchema(DocumentedSchema):
    """Rejects unknown fields, because a misspelt one would be lost without a warning."""

    media_types: ClassVar[tuple[str, ...]] = ("application/json",)
    error_messages = {"type": "Must be a JSON object."}  # noqa: RUF012  # as marshmallow has it

    class Meta:
        unknown = RAISE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Raise TypeError, which stops the start, if a field has no bound."""
        inner = field_obj.inner if isinstance(field_obj, fields.List) else field_obj
        if not (isinstance(field_obj, Bounded) and isinstance(inner, Bounded)):
            raise TypeError(
                f"{type(self).__name__}.{field_name}: use a field with a bound, which are those of "
                "docs/adding-a-resource.md and the subclasses of schemas.fields.Bounded"
            )

    @property
    def max_body(self) -> int:
        """The maximum bytes of a body: 16 KiB, or the next power of two above the largest valid
        body in its widest encoding, which leaves room for whitespace."""
        members = (
            len(f'"{field.data_key or name}":,') + field.max_bytes
            for name, field in self.load_fields.items()
            if isinstance(field, Bounded)  # each is, by on_bind_field
        )
        return max(16 * 1024, 1 << sum(members).bit_length())


class FormInput(InputSchema):
    """The body of an HTML form. Unknown parameters are ignored (RFC 6749 §3.2)."""

    media_types = ("application/x-www-form-urlencoded",)

    class Meta:
        unknown = EXCLUDE


class OutputSchema(DocumentedSchema):
    """Reads the attributes of rows and records. Every field is present unless it is `optional`.

    What it dumps is for orjson, which writes UUIDs and datetimes too, and faster.
    """

    optional: ClassVar[frozenset[str]] = frozenset()
    personal: ClassVar[bool] = False
    """Whether it shows an account or its secrets: see api.http.headers.derived."""

    class Meta:
        # With RAISE, clients that validate responses would reject new fields.
        unknown = EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Raise TypeError, which stops the start, if a value may not be writable as JSON."""
        field_obj.required = field_name not in self.optional
        if not is_json(field_obj):
            kind = type(field_obj).__name__
            raise TypeError(f"{type(self).__name__}.{field_name}: {kind} {NOT_JSON}")

    def to_json(self, obj: Any) -> bytes:
        """Raises AttributeError if the attribute of a field is missing."""
        return orjson.dumps(self.dump(obj), default=from_postgresql, option=orjson.OPT_UTC_Z)

    def _serialize(self, obj: Any, *, many: bool = False) -> Any:
        """Like marshmallow's, which looks up each field of each object in a generic way: for a page
        of 50 items, orjson included, that takes 370 µs instead of 110.

        All objects of a list must be of one type, as the rows of a query are.
        """
        keys, attributes, values_of, others = self._plan
        objects = list(obj) if many else [obj]
        # A row is a tuple of its values; looking them up by name takes ten times as long.
        ordered = len(objects) > 1 and getattr(objects[0], "_fields", None) == attributes
        rows = objects if ordered else map(values_of, objects)
        dumped = [dict(zip(keys, row, strict=True)) for row in rows]
        for key, serialize in others:
            for values, one in zip(dumped, objects, strict=True):
                values[key] = serialize(values[key], key, one)
        return dumped if many else dumped[0]

    @cached_property
    def _plan(self) -> Plan:
        return plan_of(self.dump_fields)


class MergePatch(InputSchema):
    """Only the fields to change; null resets a field to its default."""

    media_types = (*InputSchema.media_types, "application/merge-patch+json")
    json_schema: ClassVar = {"minProperties": 1}
    defaults: ClassVar[Mapping[str, Any]] = {}

    @validates_schema(skip_on_field_errors=True)
    def at_least_one_field(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Send at least one field to change.")

    @post_load
    def reset_nulls(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        defaults = self.defaults
        return {k: defaults[k]() if v is None else v for k, v in data.items()}


def merge_patch_of(
    schema: type[InputSchema], name: str, *, example: Mapping[str, Any]
) -> type[MergePatch]:
    """The JSON merge patch (RFC 7396) of `schema`, as a class called `name`.

    A field that is left out stays unchanged. Null resets a field to its default, so a required
    field rejects null. `example` is a typical change, of a few fields. Raises TypeError if
    `schema` has a rule over several fields: a patch has only some of them.
    """
    if schema._hooks["validates_schema"]:
        raise TypeError(
            f"{schema.__name__}: a patch has only some of the fields, so declare a rule over "
            "several of them with the table: storage.collections.tables.rule"
        )
    patch_fields: dict[str, fields.Field[Any]] = {}
    defaults: dict[str, Any] = {}
    for key, field in schema._declared_fields.items():
        optional = field.load_default is not missing
        if optional:
            defaults[field.attribute or key] = _as_factory(field.load_default)
        patch_field = copy.copy(field)
        patch_field.required = False
        patch_field.load_default = missing
        patch_field.allow_none = optional
        patch_fields[key] = patch_field
    attributes = {
        "__doc__": MergePatch.__doc__,
        "__module__": schema.__module__,
        "defaults": defaults,
        "example": example,
    }
    return type(name, (MergePatch,), {**attributes, **patch_fields})


def _as_factory(default: Any) -> Any:
    return default if callable(default) else lambda: default
