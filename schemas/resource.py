"""The fields that all resources have in common."""

import copy
from typing import Any

from marshmallow import fields, missing
from marshmallow.validate import OneOf

from schemas.base import InputSchema, OutputSchema
from schemas.fields import Timestamp, about

TIMESTAMP = "2026-11-20T09:30:00.123456Z"
# With uniqueItems, generators would also use a set for a response's array.
LIMITS = {"pattern", "maxItems", "uniqueItems"}


class Resource(OutputSchema):
    """A row of a collection; a subclass adds its own fields."""

    id = fields.UUID(
        metadata=about(
            "Given by the server; never changes.", "3f0c6b1e-8a53-4d0e-9f0a-6f3a1c2d4e5b"
        )
    )
    created_at = Timestamp(metadata=about("The time of creation.", TIMESTAMP))
    updated_at = Timestamp(metadata=about("The time of the last write.", TIMESTAMP))
    version = fields.Integer(
        metadata=about("Starts at 1; each write adds 1. The ETag is this number in quotes.", 1)
    )


def resource_of(schema: type[InputSchema], name: str, docstring: str) -> type[Resource]:
    """Return the schema of a stored `schema`, as a class called `name` with this docstring.

    Its fields have the same descriptions but no limits, because clients that validate responses
    must not depend on the limits.
    """
    made = {key: _without_limits(field) for key, field in schema._declared_fields.items()}
    return type(name, (Resource,), {"__doc__": docstring, "__module__": schema.__module__, **made})


def _without_limits(field: fields.Field[Any]) -> fields.Field[Any]:
    output = copy.copy(field)
    output.load_default = missing
    output.validators = [each for each in field.validators if isinstance(each, OneOf)]
    output.metadata = {k: v for k, v in field.metadata.items() if k not in LIMITS}
    if isinstance(output, fields.List):
        output.inner = _without_limits(output.inner)
    return output
