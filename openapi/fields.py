"""Additions to apispec's schemas of fields, and corrections that client generators need."""

from collections.abc import Iterable
from typing import Any

from marshmallow import fields

from openapi import Json
from openapi.examples import first_example
from schemas.fields import Named


def default_and_example(_converter: Any, field: fields.Field[Any], ret: Json) -> Json:
    """Add defaults from factories and examples of lists; remove the null that apispec gives as the
    default of a parameter without one."""
    added: Json = {}
    if field.load_default in (list, dict):
        added["default"] = field.load_default()
    elif field.load_default is None and not field.allow_none:
        del ret["default"]
    if isinstance(field, fields.List) and "examples" not in ret:
        added["examples"] = [first_example(field)]
    return added


def deprecation(_converter: Any, field: fields.Field[Any], ret: Json) -> Json:
    """Mark a field whose metadata has a Deprecation as `deprecated`, and describe it as such."""
    deprecated = field.metadata.get("deprecated")
    if not deprecated:
        return {}
    return {"deprecated": True, "description": f"{ret['description']} {deprecated}"}


def named(converter: Any, field: fields.Field[Any], ret: Json) -> Json:
    """Replace a Named field by a reference to the schema with its name, which is added to the
    document. The only keyword beside the reference is a default that the schema lacks: generators
    ignore other keywords there, or lose the type.

    Raises ValueError if another schema has that name.
    """
    if not isinstance(field, Named):
        return {}
    name = type(field).__name__
    default = {key: ret.pop(key) for key in ("default",) if key in ret}
    schema = {**ret, **field.json_schema}
    about = {key: ret[key] for key in ("description", "examples")}
    ret.clear()
    schemas = converter.spec.components.schemas
    if schemas.setdefault(name, schema) != schema:
        raise ValueError(f"two schemas are called {name}")
    reference = {"$ref": f"#/components/schemas/{name}"}
    if field.allow_none:
        return {"anyOf": [reference, {"type": "null"}], **about, **default}
    return reference if "default" in schema else {**reference, **default}


def describe_rules(schema: Json, rules: Iterable[tuple[str, str]]) -> None:
    """Add each rule's sentence to the description of its field; to that of the schema where the
    field is a bare reference, beside which generators ignore a description."""
    for name, sentence in rules:
        described = schema["properties"].get(name, {})
        if "description" in described:
            described["description"] += f" {sentence}"
        else:
            schema["description"] += f" `{name}`: {sentence}"
