"""The OpenAPI document, over every operation that it has: a new resource is checked by itself."""

import difflib
import inspect
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from openapi_spec_validator import validate

from api import create_app
from api.config.settings import Settings
from api.problems import BY_SLUG, as_oauth
from api.runtime.async_flask import AsyncFlask
from openapi.document import build_document
from openapi.operation import Operation
from tests.openapi.references import resolve
from tests.openapi.validation import (
    Json,
    examples,
    named_schemas,
    operations,
    properties,
    responses,
    schemas_with_examples,
    texts_under,
    validator,
)

pytestmark = pytest.mark.no_database

ROOT = Path(__file__).parents[2]
OPTIONAL = {"ProblemError": {"pointer", "parameter", "header"}}
"""Output properties that are not always there."""
OAUTH = {"create_token", "revoke_token"}
FORM = "application/x-www-form-urlencoded"
"""The bodies that may have more in them (RFC 6749 §3.2)."""


@pytest.fixture
def document(app: AsyncFlask) -> Json:
    return build_document(app)


def test_it_is_valid(document: Json) -> None:
    validate(document)


async def test_both_addresses_serve_it(client: httpx.AsyncClient, document: Json) -> None:
    as_json = await client.get("/openapi.json")
    as_yaml = await client.get("/openapi.yaml")
    assert as_json.headers["Content-Type"] == "application/json"
    assert as_yaml.headers["Content-Type"].startswith("application/yaml")
    assert as_json.json() == document
    assert yaml.safe_load(as_yaml.text) == document


@pytest.mark.usefixtures("without_gizmos")
def test_the_committed_snapshot_is_up_to_date(settings: Settings) -> None:
    app = create_app(settings)
    path = ROOT / "docs" / "openapi.json"
    printed = app.test_cli_runner().invoke(args=["openapi"]).output
    names = ("docs/openapi.json", "what the code says")
    lines = path.read_text().splitlines(), printed.splitlines()
    difference = "\n".join(difflib.unified_diff(*lines, *names, lineterm=""))
    assert not difference, f"run `make openapi`:\n{difference}"


def test_every_view_of_the_api_is_in_it(app: AsyncFlask, document: Json) -> None:
    documented = {
        operation["operationId"]: (re.sub(r"{[^}]+}", "{}", path), method)
        for path, method, operation in operations(document)
    }
    served = {}
    for rule in app.url_map.iter_rules():
        declared = getattr(app.view_functions[rule.endpoint], "operation", None)
        assert (declared is not None) == rule.rule.startswith("/api/"), rule.rule
        if isinstance(declared, Operation):
            [method] = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            served[declared.operation_id] = (re.sub("<[^>]+>", "{}", rule.rule), method.lower())
            assert inspect.iscoroutinefunction(declared.view), declared.operation_id
    assert documented == served


def test_every_operation_has_a_summary_and_a_description(document: Json) -> None:
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        assert operation["summary"], (method, path)
        assert not operation["summary"].endswith("."), (method, path)
        assert operation["description"].endswith("."), (method, path)
        assert [tag for tag in operation["tags"] if tags[tag]], (method, path)
    used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}
    assert used == set(tags)


def test_every_parameter_has_a_description_and_an_example(document: Json) -> None:
    for path, _, operation in operations(document):
        for parameter in operation["parameters"]:
            place = (operation["operationId"], parameter["name"])
            assert parameter["description"], place
            schema = resolve(document, parameter["schema"])
            assert schema["type"], place
            found = examples(schema)
            assert found, place
            valid = validator(document, parameter["schema"])
            assert [list(valid.iter_errors(value)) for value in found] == [[]] * len(found), place
        in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        assert in_path == set(re.findall("{([^}]+)}", path))
        assert all(p["required"] for p in operation["parameters"] if p["in"] == "path")


def test_every_property_has_a_description_and_an_example(document: Json) -> None:
    assert [place for place, p in properties(document) if not p.get("description")] == []
    assert [place for place, p in properties(document) if not examples(p)] == []


def test_every_example_in_a_schema_is_valid_there(document: Json) -> None:
    found = list(schemas_with_examples(document))
    assert found
    for schema in found:
        for example in schema["examples"]:
            errors = list(validator(document, schema).iter_errors(example))
            assert errors == [], (schema, example)


def test_every_default_is_valid_where_it_stands(document: Json) -> None:
    parameters = {
        f"{operation['operationId']}.{parameter['name']}": parameter["schema"]
        for _, _, operation in operations(document)
        for parameter in operation["parameters"]
    }
    schemas = parameters | dict(properties(document))
    defaults = {place: s for place, s in schemas.items() if "default" in s}
    assert defaults
    for place, schema in defaults.items():
        assert list(validator(document, schema).iter_errors(schema["default"])) == [], place


def test_every_request_body_has_a_valid_example(document: Json) -> None:
    bodies = [o["requestBody"] for _, _, o in operations(document) if "requestBody" in o]
    assert bodies
    for body in bodies:
        assert body["required"]
        for content in body["content"].values():
            assert examples(content), content
            for example in examples(content):
                assert list(validator(document, content["schema"]).iter_errors(example)) == []


def test_every_response_has_headers_and_valid_examples(document: Json) -> None:
    for place, response in responses(document):
        assert response["description"], place
        assert response["headers"].get("X-Request-ID"), place
        for reference in response["headers"].values():
            header = resolve(document, reference)
            assert header["description"], place
            errors = validator(document, header["schema"]).iter_errors(header["example"])
            assert list(errors) == [], place
        assert ("content" in response) == (not place.endswith((" 204", " 304"))), place
        for content in response.get("content", {}).values():
            assert examples(content), place
            for example in examples(content):
                errors = validator(document, content["schema"]).iter_errors(example)
                assert list(errors) == [], place


def test_every_error_is_a_row_of_the_table(document: Json) -> None:
    for place, response in responses(document):
        status = int(place.split()[1])
        if status < 400:
            continue
        [(media_type, content)] = response["content"].items()
        rows = [BY_SLUG[slug] for slug in content["examples"]]
        if place.split()[0] in OAUTH:
            rows = [as_oauth(row) for row in rows]
        assert {row.media_type for row in rows} == {media_type}, place
        for row, example in zip(rows, examples(content), strict=True):
            assert row.status == status, place
            said = {"type": row.uri, "title": row.title, "status": row.status}
            assert example.items() >= said.items(), place
            assert example["error"] == (row.code or example["detail"]), place
        can_retry = any(row.retry_after is not None for row in rows)
        assert ("Retry-After" in response["headers"]) == can_retry, place


def test_every_operation_has_one_success_and_the_errors_that_anything_can_meet(
    document: Json,
) -> None:
    for _, method, operation in operations(document):
        statuses = set(operation["responses"])
        assert len([status for status in statuses if status < "300"]) == 1, operation
        headers = {p["name"] for p in operation["parameters"] if p["in"] == "header"}
        conditional_read = method == "get" and "If-None-Match" in headers
        assert ("304" in statuses) == conditional_read, operation
        assert {"400", "500"} <= statuses, operation
        assert ({"408", "413", "415"} <= statuses) == ("requestBody" in operation), operation
        assert "405" not in statuses, "belongs to an address, not to an operation"


def test_tokens_are_always_refused_in_oauth_s_own_way_and_nothing_else_is(document: Json) -> None:
    for place, response in responses(document):
        operation_id, status = place.split()
        if int(status) >= 400:
            plain = "application/json" in response["content"]
            assert plain == (operation_id in OAUTH), place


def test_inputs_refuse_unknown_members_and_outputs_require_all_of_theirs(document: Json) -> None:
    schemas = document["components"]["schemas"]
    objects = {name for name, schema in schemas.items() if "properties" in schema}
    bodies = [o.get("requestBody") for _, _, o in operations(document)]
    answers = [o["responses"] for _, _, o in operations(document)]
    going_in = named_schemas(document, bodies) & objects
    coming_out = named_schemas(document, answers) & objects
    assert going_in
    assert going_in | coming_out == objects
    assert not going_in & coming_out
    assert named_schemas(document, document["paths"]) == set(schemas)
    contents = [o.get("requestBody", {}).get("content", {}) for _, _, o in operations(document)]
    forms = named_schemas(document, [content.get(FORM) for content in contents])
    assert forms & objects == {"TokenRequest", "TokenRevocation"}
    for name in going_in - forms:
        assert schemas[name]["additionalProperties"] is False, name
    for name in coming_out:
        always = set(schemas[name]["properties"]) - OPTIONAL.get(name, set())
        assert set(schemas[name]["required"]) == always, name
        assert "additionalProperties" not in schemas[name], name


def test_names_and_descriptions_of_schemas_are_the_classes_own(document: Json) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch("([A-Z][a-z]+)+", name), name
        assert schema["description"], name


def test_every_format_in_the_document_is_checked_by_these_tests(document: Json) -> None:
    known = set(validator(document, {}).format_checker.checkers)  # type: ignore[union-attr]  # it has one
    # The one needs a package, the other asks forms to hide the text and says nothing about it.
    unchecked = {"uri-reference", "password"}
    assert set(texts_under(document, "format")) - known <= unchecked


def test_the_examples_of_a_resource_are_telling(document: Json) -> None:
    def example_of(operation: Json) -> Any:
        return operation["requestBody"]["content"]["application/json"]["example"]

    collection, gizmo = (
        document["paths"]["/api/gizmos"],
        document["paths"]["/api/gizmos/{gizmo_id}"],
    )
    whole = set(document["components"]["schemas"]["GizmoInput"]["properties"])
    assert set(example_of(collection["post"])) == set(example_of(gizmo["put"])) == whole
    assert example_of(gizmo["patch"]) == {"status": "done"}
    listed = collection["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert len(listed["gizmos"]) == 1
    assert listed["next_cursor"]
