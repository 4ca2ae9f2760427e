"""References within a document. `make openapi` needs this without the packages of the tests."""

from typing import Any

Json = dict[str, Any]


def resolve(document: Json, part: Json) -> Json:
    """`part`, or what it refers to, with what stands beside the reference."""
    while "$ref" in part:
        found: Any = document
        for key in part["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        part = {**found, **{key: value for key, value in part.items() if key != "$ref"}}
    return part
