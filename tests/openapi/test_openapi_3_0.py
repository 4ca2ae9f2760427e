"""The document as OpenAPI 3.0.3: it is valid, and says the same."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, validate

from api.runtime.async_flask import AsyncFlask
from openapi.document import build_document
from openapi.openapi_3_0 import as_openapi_3_0
from tests.openapi.validation import Json

pytestmark = pytest.mark.no_database

COLOUR = {"type": "string", "enum": ["red", "blue"], "description": "How it looks."}
BOX = {"type": "object", "properties": {"width": {"type": "integer"}}}
REFERENCE = {"$ref": "#/components/schemas/Colour"}
SAME: list[Json] = [
    {"type": "string", "maxLength": 3},
    REFERENCE,
    {"anyOf": [REFERENCE, {"type": "integer"}]},
    {"type": "object", "additionalProperties": False},
    {"type": "array", "items": REFERENCE, "default": [{"type": ["a", "null"]}]},
    {"type": "string", "enum": ["examples", "type"]},
]
OTHERWISE: list[tuple[Json, Json]] = [
    ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
    (
        {"type": ["integer", "null"], "enum": [1, None]},
        {"type": "integer", "nullable": True, "enum": [1, None]},
    ),
    (
        {"type": "integer", "examples": [{"examples": [1]}, 2]},
        {"type": "integer", "example": {"examples": [1]}},
    ),
    (
        {**REFERENCE, "default": "red", "examples": ["blue"]},
        {"allOf": [REFERENCE], "default": "red", "example": "blue"},
    ),
    (
        {"anyOf": [REFERENCE, {"type": "null"}], "default": None},
        {**COLOUR, "nullable": True, "enum": ["red", "blue", None], "default": None},
    ),
    (
        {"anyOf": [{"$ref": "#/components/schemas/Box"}, {"type": "null"}]},
        {**BOX, "nullable": True},
    ),
    (
        {"type": "array", "items": {"type": ["string", "null"]}},
        {"type": "array", "items": {"type": "string", "nullable": True}},
    ),
    (
        {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        {"type": "object", "additionalProperties": {"type": "string", "nullable": True}},
    ),
]
# Names of properties that could be taken for keywords.
NAMES = ["type", "examples", "example", "default", "enum", "schema", "anyOf", "$ref", "items"]


@pytest.fixture
def document(app: AsyncFlask) -> Json:
    return build_document(app)


def rendered(schema: Json) -> Any:
    """`schema` as it comes out, named and as that of a parameter alike."""
    parameter = {"name": "it", "in": "query", "schema": schema, "example": {"schema": schema}}
    older = as_openapi_3_0(
        {
            "openapi": "3.1.0",
            "info": {"license": {"name": "MIT", "identifier": "MIT"}},
            "paths": {"/it": {"get": {"parameters": [parameter]}}},
            "components": {"schemas": {"Colour": COLOUR, "Box": BOX, "It": schema}},
        }
    )
    [its_parameter] = older["paths"]["/it"]["get"]["parameters"]
    assert its_parameter["example"] == parameter["example"]
    assert its_parameter["schema"] == older["components"]["schemas"]["It"]
    return its_parameter["schema"]


def test_it_is_valid(document: Json) -> None:
    validate(as_openapi_3_0(document), cls=OpenAPIV30SpecValidator)


def test_it_has_the_same_operations_and_names(document: Json) -> None:
    older = as_openapi_3_0(document)
    assert older["openapi"] == "3.0.3"
    assert set(older) == set(document)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            same = older["paths"][path][method]
            assert list(same) == list(operation)
            for key in ("operationId", "summary", "description", "tags"):
                assert same[key] == operation[key]
            assert same["responses"].keys() == operation["responses"].keys()
    for kind, named in document["components"].items():
        assert list(older["components"][kind]) == list(named)


def test_its_licence_has_an_address(document: Json) -> None:
    licence = {"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"}
    assert as_openapi_3_0(document)["info"] == {**document["info"], "license": licence}


@pytest.mark.parametrize("schema", SAME)
def test_keywords_of_both_versions_are_unchanged(schema: Json) -> None:
    assert rendered(schema) == schema


@pytest.mark.parametrize(("schema", "older"), OTHERWISE)
def test_keywords_of_3_1_are_converted(schema: Json, older: Json) -> None:
    assert rendered(schema) == older


@pytest.mark.parametrize("name", NAMES)
def test_a_property_may_be_called_like_a_keyword(name: str) -> None:
    schema = {"type": "object", "properties": {name: {"type": ["string", "null"]}}}
    older = {"type": "object", "properties": {name: {"type": "string", "nullable": True}}}
    assert rendered(schema) == older


def test_refuses_a_schema_of_two_types() -> None:
    with pytest.raises(ValueError, match="has no schema of the types"):
        rendered({"type": ["string", "integer"]})
