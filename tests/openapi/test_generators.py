"""What client generators and SDK makers read in the document, beyond that it is valid."""

import re

import pytest

from api import create_app
from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask
from openapi.document import build_document
from tests.openapi.references import resolve
from tests.openapi.validation import (
    Json,
    named_schemas,
    operations,
    parts,
    properties,
    texts_under,
)

pytestmark = pytest.mark.no_database

ESCAPE = r"\\[sSnrt^$\\.*+?()\[\]{}|]"
IN_CLASS = rf"(?:[ -~](?<![\\\[\](){{}}|&~^-])|[!-~]-[!-~]|{ESCAPE})"
PORTABLE = re.compile(
    rf"\^(?:[ -~](?<![\\^$.*+?()\[\]{{}}|/])|{ESCAPE}|\[\^?(?:[ !]-~|{IN_CLASS})+\]"
    r"|\((?!\?)|\)|\||(?:[*+?]|{[0-9]{1,3}(?:,[0-9]{0,3})?})(?![*+?]))*\$"
)
"""Anchored at both ends, printable ASCII, without lookaround, backreferences, lazy or possessive
repetitions, the shorthands that need Unicode, and the slash that ends a literal: some generators
add a backslash and some don't, so it stands in brackets."""


@pytest.fixture
def document(app: AsyncFlask) -> Json:
    return build_document(app)


def test_patterns_are_written_in_what_all_languages_share(document: Json) -> None:
    """A generated client puts them into its source, where JavaScript, RE2 (Go, Rust), PCRE (PHP)
    or Python read them."""
    patterns = set(texts_under(document, "pattern"))
    assert patterns
    assert [pattern for pattern in patterns if not PORTABLE.fullmatch(pattern)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        "a",  # a search in some languages, a match of the whole in others
        r"^\x41$",
        r"^\u1680$",
        r"^\cA$",
        r"^\w\d\p{L}$",
        "^\xe9$",
        "^(?:a)$",
        "^(?=a)$",
        "^a++$",
        "^a*?$",
        "^a{1001}$",
        "^[[:alpha:]]$",
        "^[a&&b]$",
        "^a/b$",
        r"^a\/b$",
        r"^(a)\1$",
    ],
)
def test_a_pattern_of_one_language_is_noticed(pattern: str) -> None:
    assert not PORTABLE.fullmatch(pattern)


def test_the_address_of_more_about_it_is_absolute(document: Json) -> None:
    """As the schema of OpenAPI 3.1 requires, which Spectral checks."""
    assert document["externalDocs"]["url"].startswith("https://")


def test_no_line_of_a_description_begins_a_list_by_accident(document: Json) -> None:
    """Markdown takes `400. More` at the start of a line for the entry number 400."""
    lines = (line for text in texts_under(document, "description") for line in text.splitlines())
    assert [line for line in lines if re.match(r" *([0-9]+[.)]|[-+*#>]) ", line)] == []


def test_no_pattern_stands_beside_what_says_it_already(document: Json) -> None:
    for place, schema in parts(document):
        if "pattern" in schema:
            assert "enum" not in schema, place
            assert "format" not in schema, place


def test_every_enumeration_and_every_map_has_a_name(document: Json) -> None:
    named = {f"/components/schemas/{name}" for name in document["components"]["schemas"]}
    unnamed = [
        place
        for place, schema in parts(document)
        if isinstance(schema.get("enum"), list)
        or isinstance(schema.get("additionalProperties"), dict)
        if place not in named
    ]
    assert unnamed == []


def test_values_that_are_no_names_get_names_and_each_has_a_meaning(document: Json) -> None:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        values = schema.get("enum", [])
        names = schema.get("x-enum-varnames", values)
        # Each generator makes a name of words that a hyphen joins; a minus in front, it drops.
        assert all(re.fullmatch("[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*", name) for name in names)
        assert len(set(names)) == len(values)
        assert len(schema.get("x-enum-descriptions", values)) == len(values)
    sort = schemas["GizmoSort"]
    assert dict(zip(sort["x-enum-varnames"], sort["enum"], strict=True)) == {
        "CREATED_AT_ASC": "created_at",
        "CREATED_AT_DESC": "-created_at",
        "UPDATED_AT_ASC": "updated_at",
        "UPDATED_AT_DESC": "-updated_at",
        "NAME_ASC": "name",
        "NAME_DESC": "-name",
    }


def test_no_two_values_of_the_service_are_one_name(document: Json) -> None:
    """In Go, the names of all enumerations share one space."""
    schemas = document["components"]["schemas"]
    kinds = ("CheckState", "GrantType", "HealthStatus", "TokenErrorCode", "TokenType", "UserRole")
    enumerations = [schemas[kind] for kind in kinds]
    names = [
        name.upper()
        for enumeration in enumerations
        for name in enumeration.get("x-enum-varnames", enumeration["enum"])
    ]
    assert sorted(set(names)) == sorted(names)


def test_no_flag_of_a_query_has_a_default(document: Json) -> None:
    """PHP clients would send it with every call, as 0."""
    flags = [
        parameter["schema"]
        for _, _, operation in operations(document)
        for parameter in operation["parameters"]
        if parameter["schema"].get("type") == "boolean"
    ]
    assert flags
    assert not [flag for flag in flags if "default" in flag]


def test_a_parameter_refers_to_its_type_and_says_nothing_beside(document: Json) -> None:
    referring = [
        parameter
        for _, _, operation in operations(document)
        for parameter in operation["parameters"]
        if "$ref" in parameter["schema"]
    ]
    assert [parameter["schema"].keys() for parameter in referring] == [{"$ref"}] * len(referring)
    assert referring
    for sort in referring:
        assert resolve(document, sort["schema"])["default"] == "-created_at"
        assert sort["description"].endswith("The default is `-created_at`.")


def test_only_what_comes_in_must_be_unique(document: Json) -> None:
    """Generators make a set of it, for what is an array when it arrives."""
    answers = [operation["responses"] for _, _, operation in operations(document)]
    coming_out = named_schemas(document, answers)
    unique = {place for place, schema in properties(document) if "uniqueItems" in schema}
    gizmos = {place for place in unique if place.startswith("Gizmo")}
    assert gizmos == {"GizmoInput.tags", "GizmoPatch.tags"}
    assert not {place.partition(".")[0] for place in unique} & coming_out


def test_a_create_links_to_the_operations_on_the_new_resource(document: Json) -> None:
    by_id = {operation["operationId"]: operation for _, _, operation in operations(document)}
    found: dict[str, list[str]] = {}
    for operation_id, operation in by_id.items():
        [success] = [r for status, r in operation["responses"].items() if status < "300"]
        assert ("links" in success) == bool({"Location", "Link"} & success["headers"].keys())
        for link in success.get("links", {}).values():
            target = by_id[link["operationId"]]
            taken = {p["name"] for p in target["parameters"] if p["in"] != "header"}
            assert set(link["parameters"]) == taken
            assert link["description"].endswith(".")
            found.setdefault(operation_id, []).append(link["operationId"])
    expected = {
        "list_gizmos": ["list_gizmos"],
        "create_gizmo": ["get_gizmo", "replace_gizmo", "update_gizmo", "delete_gizmo"],
        "list_users": ["list_users"],
    }
    assert found.items() >= expected.items()


def test_sdks_learn_how_to_page_and_what_to_retry(document: Json) -> None:
    for _, method, operation in operations(document):
        pages = "Link" in operation["responses"].get("200", {}).get("headers", {})
        for keyword in ("x-speakeasy-pagination", "x-fern-pagination"):
            assert (keyword in operation) == pages, operation
        keyed = any(p["name"] == "Idempotency-Key" for p in operation["parameters"])
        assert operation.get("x-fern-idempotent", False) == keyed
        repeatable = keyed or method in {"get", "put", "delete"}
        assert ("x-speakeasy-retries" in operation) == repeatable
        assert (operation.get("x-fern-retries") == {"disabled": True}) == (not repeatable)
    listed = document["paths"]["/api/gizmos"]["get"]
    assert listed["x-fern-pagination"] == {
        "cursor": "$request.cursor",
        "next_cursor": "$response.next_cursor",
        "results": "$response.gizmos",
    }
    assert listed["x-speakeasy-pagination"]["outputs"] == {
        "nextCursor": "$.next_cursor",
        "results": "$.gizmos",
    }
    assert document["x-fern-idempotency-headers"] == [
        {"header": "Idempotency-Key", "name": "idempotency_key"}
    ]


def test_every_operation_takes_a_request_id(document: Json) -> None:
    for _, _, operation in operations(document):
        [parameter] = [p for p in operation["parameters"] if p["name"] == "X-Request-ID"]
        assert (parameter["in"], parameter["required"]) == ("header", False)


def test_security_schemes_stand_in_the_order_of_their_names(document: Json) -> None:
    """openapi-generator sorts and applies all of them; the last one has to send `Bearer`."""
    schemes = document["components"]["securitySchemes"]
    assert list(schemes) == sorted(schemes)
    assert [scheme["type"] for scheme in schemes.values()] == ["oauth2", "http"]


@pytest.mark.usefixtures("without_gizmos")
def test_resources_come_before_accounts_and_health(settings: Settings) -> None:
    names = [tag["name"] for tag in build_document(create_app(settings))["tags"]]
    assert names[-4:] == ["auth", "users", "sessions", "health"]
