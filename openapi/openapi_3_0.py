"""The document as OpenAPI 3.0.3, for client generators that don't support 3.1."""

from typing import Any

from openapi import Json

VERSION = "3.0.3"
# The contents of these keywords are values, whose keys are not keywords.
VALUES = {"default", "enum", "example", "examples"}


def as_openapi_3_0(document: Json) -> Json:
    """Convert `document` from OpenAPI 3.1 to 3.0.3.

    Raises ValueError for a schema with two types besides null, which 3.0.3 can't express.
    """
    schemas = document["components"]["schemas"]
    render = _Renderer(schemas)
    components = {
        **render.part({**document["components"], "schemas": {}}),
        "schemas": {name: render.schema(schema) for name, schema in schemas.items()},
    }
    return {
        **document,
        "openapi": VERSION,
        "info": {**document["info"], "license": _licence(**document["info"]["license"])},
        "paths": render.part(document["paths"]),
        "components": components,
    }


def _licence(*, name: str, identifier: str) -> Json:
    """Replace the SPDX identifier, which is new in 3.1, by an address."""
    return {"name": name, "url": f"https://spdx.org/licenses/{identifier}.html"}


class _Renderer:
    """Renders parts of a document with these named schemas."""

    def __init__(self, schemas: Json) -> None:
        self._schemas = schemas

    def part(self, part: Any) -> Any:
        """Convert any part that is not a schema, including the schemas in it."""
        if isinstance(part, list):
            return [self.part(inner) for inner in part]
        if not isinstance(part, dict):
            return part
        parts: Json = {}
        for key, inner in part.items():
            if key == "schema":
                parts[key] = self.schema(inner)
            else:
                parts[key] = inner if key in VALUES else self.part(inner)
        return parts

    def schema(self, schema: Json) -> Json:
        older: Json = {}
        for keyword, value in self._without_siblings(schema).items():
            match keyword, value:
                case "type", [kind, "null"]:
                    older |= {"type": kind, "nullable": True}
                case "type", list():
                    raise ValueError(f"OpenAPI {VERSION} has no schema of the types {value}")
                case "examples", _:
                    older["example"] = value[0]
                case "properties", _:
                    older[keyword] = {name: self.schema(inner) for name, inner in value.items()}
                case (("items" | "additionalProperties" | "not"), dict()):
                    older[keyword] = self.schema(value)
                case (("allOf" | "anyOf" | "oneOf"), _):
                    older[keyword] = [self.schema(inner) for inner in value]
                case _:
                    older[keyword] = value
        return older

    def _without_siblings(self, schema: Json) -> Json:
        """Express in another way what 3.0.3 doesn't allow beside a reference: keywords and null."""
        match schema:
            case {"anyOf": [{"$ref": reference}, {"type": "null"}], **others}:
                return _nullable(self._schemas[reference.rpartition("/")[2]]) | others
            case {"$ref": reference, **others} if others:
                return {**others, "allOf": [{"$ref": reference}]}
        return schema


def _nullable(schema: Json) -> Json:
    added: Json = {"type": [schema["type"], "null"]}
    if "enum" in schema:
        added["enum"] = [*schema["enum"], None]
    return schema | added
