"""The descriptions of an operation's parameters in the document."""

from collections.abc import Callable, Iterator
from typing import Any

from marshmallow import fields
from werkzeug.routing import Rule

from openapi import Json
from openapi.examples import instance_of
from openapi.operation import Operation, RequestHeader


def path_parameters(rule: Rule) -> Iterator[Json]:
    # Werkzeug has no public access to the converters of a rule.
    for name, converter in rule._converters.items():
        documentation = getattr(converter, "documentation", {"schema": {"type": "string"}})
        yield {"name": name, "in": "path", "required": True, **documentation}


def query_parameters(
    operation: Operation, schema_of: Callable[[fields.Field[Any]], Json]
) -> Iterator[Json]:
    if operation.query is None:
        return
    for name, field in instance_of(operation.query).fields.items():
        field.allow_none = False  # marshmallow's default where load_default is None
        described = schema_of(field)
        if described.get("type") == "boolean":
            # PHP clients send every default, and a boolean as 0.
            described.pop("default", None)
        # A list is sent as a repeated parameter, which is the default, but not every reader knows.
        repeated = {"style": "form", "explode": True} if "items" in described else {}
        yield {
            "name": field.data_key or name,
            "in": "query",
            "required": field.required,
            "description": description_of(field, described),
            **({"deprecated": described.pop("deprecated")} if "deprecated" in described else {}),
            **repeated,
            "schema": described,
        }


def description_of(field: fields.Field[Any], described: Json) -> str:
    """Remove the description from the schema and return it. Beside a reference, it names the
    default."""
    description: str = described.pop("description", field.metadata.get("description", ""))
    if "$ref" in described and isinstance(field.load_default, str):
        return f"{description} The default is `{field.load_default}`."
    return description


def header_parameter(header: RequestHeader) -> Json:
    return {
        "name": header.name,
        "in": "header",
        "required": False,
        "description": header.description,
        # Outside of the schema, Swagger UI would fill in the example.
        "schema": {**header.schema, "examples": [header.example]},
    }
