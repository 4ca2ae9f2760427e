"""JSON Schema as the document means it: Draft 2020-12, formats checked, its references followed."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from tests.openapi.references import resolve

Json = dict[str, Any]


def validator(document: Json, schema: Json) -> Draft202012Validator:
    """For values of `schema`, a part of `document`."""
    return Draft202012Validator(
        {**schema, "components": document["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Each operation with its path and its method."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def responses(document: Json) -> Iterator[tuple[str, Json]]:
    """Each response of each operation, after where it stands."""
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            yield f"{operation['operationId']} {status}", resolve(document, response)


def properties(document: Json) -> Iterator[tuple[str, Json]]:
    """Each property of each named schema, after where it stands."""
    for name, schema in document["components"]["schemas"].items():
        for key, described in schema.get("properties", {}).items():
            yield f"{name}.{key}", resolve(document, described)


def named_schemas(document: Json, part: Any) -> set[str]:
    """The names of the schemas that `part` leads to."""
    found: set[str] = set()
    waiting = [part]
    while waiting:
        match waiting.pop():
            case {"$ref": str(reference)}:
                kind, name = reference.split("/")[-2:]
                if kind == "schemas" and name in found:
                    continue
                if kind == "schemas":
                    found.add(name)
                waiting.append(document["components"][kind][name])
            case dict() as mapping:
                waiting.extend(mapping.values())
            case list() as values:
                waiting.extend(values)
    return found


def examples(part: Json) -> list[Any]:
    """All examples of a parameter, header, media type or schema."""
    named = part.get("examples", [])
    listed = [about["value"] for about in named.values()] if isinstance(named, dict) else named
    return [*listed, *([part["example"]] if "example" in part else [])]


def schemas_with_examples(part: Any) -> Iterator[Json]:
    """Each schema with examples of its own, however deep in `part`."""
    if isinstance(part, dict):
        if isinstance(part.get("examples"), list):
            yield part
        for inner in part.values():
            yield from schemas_with_examples(inner)


def texts_under(part: Any, key: str) -> Iterator[str]:
    """Each text that stands under `key`, however deep in `part`."""
    if isinstance(part, dict):
        if isinstance(part.get(key), str):
            yield part[key]
        for inner in part.values():
            yield from texts_under(inner, key)


def parts(document: Any, place: str = "") -> Iterator[tuple[str, Json]]:
    """Each object of the document after its JSON pointer, without those in examples."""
    if isinstance(document, dict):
        yield place, document
        for key, inner in document.items():
            if key not in {"example", "examples"}:
                yield from parts(inner, f"{place}/{key}")
    elif isinstance(document, list):
        for number, inner in enumerate(document):
            yield from parts(inner, f"{place}/{number}")
