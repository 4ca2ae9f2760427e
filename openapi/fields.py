"""What apispec leaves out of a field's schema, or says otherwise than makers of clients want it."""

from typing import Any

from marshmallow import fields

from openapi.examples import first_example
from schemas.fields import Choice

Json = dict[str, Any]


def default_and_example(_converter: Any, field: fields.Field[Any], ret: Json) -> Json:
    """A default that is made anew each time, a list's example. And apispec gives null for a
    parameter that has no default."""
    added: Json = {}
    if field.load_default in (list, dict):
        added["default"] = field.load_default()
    elif field.load_default is None and not field.allow_none:
        del ret["default"]
    if isinstance(field, fields.List) and "examples" not in ret:
        added["examples"] = [first_example(field)]
    return added


def named_choice(converter: Any, field: fields.Field[Any], ret: Json) -> Json:
    """For a Choice a reference to the schema of its name, which comes into the document with it.

    Raises ValueError where something else has that name.
    """
    if not isinstance(field, Choice):
        return {}
    name = type(field).__name__
    del ret["type"], ret["enum"]
    about = {key: ret[key] for key in ("description", "examples")}
    named = {"type": "string", "enum": list(field.choices), **about}
    schemas = converter.spec.components.schemas
    if schemas.setdefault(name, named) != named:
        raise ValueError(f"two schemas are called {name}")
    reference = {"$ref": f"#/components/schemas/{name}"}
    return {"anyOf": [reference, {"type": "null"}]} if field.allow_none else reference
