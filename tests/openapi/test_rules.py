"""The rules of a table (storage.collections.tables.rule) in the document of its operations."""

import pytest

from openapi.fields import describe_rules
from tests.api.callers import document_of
from tests.bookings import operations
from tests.openapi.validation import Json

SENTENCE = "No suite is below floor -2."


@pytest.fixture
def schemas() -> Json:
    found: Json = document_of(operations())["components"]["schemas"]
    return found


@pytest.mark.parametrize("name", ["BookingInput", "BookingPatch"])
def test_a_body_has_the_sentence_of_a_rule_in_the_description_of_its_field(
    schemas: Json, name: str
) -> None:
    descriptions = {
        key: property_["description"]
        for key, property_ in schemas[name]["properties"].items()
        if "description" in property_
    }
    assert descriptions.pop("floor") == f"The floor; null if any will do. {SENTENCE}"
    assert SENTENCE not in str(descriptions)


def test_a_response_does_not_repeat_the_rules(schemas: Json) -> None:
    assert SENTENCE not in str(schemas["Booking"])


def test_the_rule_of_a_field_that_is_a_reference_is_in_the_description_of_the_schema(
    schemas: Json,
) -> None:
    schema = schemas["BookingInput"]
    kind = dict(schema["properties"]["kind"])
    about = schema["description"]
    describe_rules(schema, [("kind", "Suites are closed."), ("secret", "Must be secret.")])
    assert schema["properties"]["kind"] == kind
    assert schema["description"] == f"{about} `kind`: Suites are closed. `secret`: Must be secret."
