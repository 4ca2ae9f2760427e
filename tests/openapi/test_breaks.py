"""What counts as a break of the document, and that each one is named in the changelog."""

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from flask import Flask

from api.http.path_ids import IdConverter
from openapi.document import build_document
from tests.bookings import operations
from tests.openapi.breaks import Break, breaks_between
from tests.openapi.released import RELEASED, main, raises_the_version, unnamed
from tests.openapi.validation import Json

Change = Callable[[Json], Any]
ONE, MANY = "/api/bookings/{booking_id}", "/api/bookings"


@cache
def bookings() -> Json:
    app = Flask("tests")
    app.url_map.converters["id"] = IdConverter
    app.register_blueprint(operations())
    return build_document(app)


def breaks_of(change: Change) -> list[str]:
    changed = copy.deepcopy(bookings())
    change(changed)
    return [str(found) for found in breaks_between(bookings(), changed)]


def schema(document: Json, name: str) -> Json:
    described: Json = document["components"]["schemas"][name]
    return described


def field(document: Json, name: str) -> Json:
    model, _, key = name.partition(".")
    described: Json = schema(document, model)["properties"][key]
    return described


def parameter(document: Json, name: str) -> Json:
    [found] = (p for p in document["paths"][MANY]["get"]["parameters"] if p["name"] == name)
    assert isinstance(found, dict)
    return found


def body(document: Json, method: str) -> Json:
    content: Json = document["paths"][ONE][method]["requestBody"]["content"]
    return content


def responses(document: Json) -> Json:
    found: Json = document["paths"][MANY]["post"]["responses"]
    return found


BREAKS: list[tuple[Change, str]] = [
    (lambda d: d["paths"].pop(ONE), "`get_booking`: GET /api/bookings/{} was removed"),
    (lambda d: d["paths"][ONE].pop("put"), "`replace_booking`: PUT /api/bookings/{} was removed"),
    (
        lambda d: d["paths"][ONE]["get"].update(operationId="read"),
        "`get_booking`: is called `read`",
    ),
    (
        lambda d: d["paths"][MANY]["get"]["parameters"].remove(parameter(d, "q")),
        "`list_bookings.q`: the query parameter was removed",
    ),
    (
        lambda d: parameter(d, "kind").update(required=True),
        "`list_bookings.kind`: the query parameter is required",
    ),
    (
        lambda d: parameter(d, "limit")["schema"].update(maximum=100),
        "`list_bookings.limit`: maximum: 200 → 100",
    ),
    (
        lambda d: parameter(d, "limit")["schema"].update(default=20),
        "`list_bookings.limit`: default: 50 → 20",
    ),
    (
        lambda d: d["paths"][MANY]["get"].update(security=[{"bearer": []}]),
        "`list_bookings`: needs other credentials",
    ),
    (lambda d: responses(d).pop("201"), "`create_booking.201`: the response was removed"),
    (
        lambda d: responses(d)["201"]["headers"].pop("ETag"),
        "`ETag`: the header was removed from `create_booking.201`",
    ),
    (
        lambda d: d["components"]["headers"]["ETag"].update(required=False),
        "`ETag`: the header may be missing",
    ),
    (
        lambda d: body(d, "patch").pop("application/json"),
        "`update_booking.body`: application/json was removed",
    ),
    (
        lambda d: schema(d, "BookingInput")["properties"].pop("floor"),
        "`BookingInput.floor`: the field was removed",
    ),
    (
        lambda d: schema(d, "BookingInput")["required"].append("floor"),
        "`BookingInput`: required: with floor",
    ),
    (
        lambda d: field(d, "BookingInput.guest").update(maxLength=50),
        "`BookingInput.guest`: maxLength: 100 → 50",
    ),
    (
        lambda d: field(d, "BookingInput.guest").update(minLength=2),
        "`BookingInput.guest`: minLength: 1 → 2",
    ),
    (
        lambda d: field(d, "BookingInput.floor").update(type="integer"),
        "`BookingInput.floor`: null was removed",
    ),
    (
        lambda d: field(d, "BookingInput.guest").update(type="integer"),
        "`BookingInput.guest`: string was removed",
    ),
    (
        lambda d: field(d, "BookingInput.guest").update(pattern="^A"),
        "`BookingInput.guest`: pattern: None → ^A",
    ),
    (
        lambda d: field(d, "BookingInput.extras").update(uniqueItems=True),
        "`BookingInput.extras`: uniqueItems: None → True",
    ),
    (
        lambda d: field(d, "BookingInput.extras")["items"].update(maxLength=5),
        "`BookingInput.extras[]`: maxLength: 20 → 5",
    ),
    (
        lambda d: schema(d, "BookingKind")["enum"].remove("suite"),
        "`BookingKind`: enum: without suite",
    ),
    (lambda d: schema(d, "BookingKind")["enum"].append("hall"), "`BookingKind`: enum: with hall"),
    (
        lambda d: schema(d, "Booking")["properties"].pop("floor"),
        "`Booking.floor`: the field was removed",
    ),
    (
        lambda d: schema(d, "Booking")["required"].remove("floor"),
        "`Booking`: required: without floor",
    ),
    (
        lambda d: field(d, "Booking.guest").update(type=["string", "null"]),
        "`Booking.guest`: null was added",
    ),
    (lambda d: field(d, "Booking.code").pop("format"), "`Booking.code`: format: uuid → None"),
]


@pytest.mark.parametrize(("change", "found"), BREAKS, ids=[found for _, found in BREAKS])
def test_a_break_is_found_where_it_is(change: Change, found: str) -> None:
    assert found in breaks_of(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["paths"].update({"/api/rooms": d["paths"][MANY]}),
        lambda d: d["paths"][MANY].update(put=d["paths"][ONE]["put"]),
        lambda d: d["paths"][MANY]["get"]["responses"].update({"402": {}}),
        lambda d: d["paths"][MANY]["get"].update(summary="All", deprecated=True),
        lambda d: d["paths"][MANY]["get"]["security"].append({"other": []}),
        lambda d: parameter(d, "limit")["schema"].update(maximum=500),
        lambda d: schema(d, "BookingInput")["properties"].update(smoker={"type": "boolean"}),
        lambda d: schema(d, "BookingInput")["required"].remove("code"),
        lambda d: field(d, "BookingInput.guest").update(maxLength=200),
        lambda d: field(d, "BookingInput.guest").pop("minLength"),
        lambda d: field(d, "BookingInput.guest").update(type=["string", "null"]),
        lambda d: schema(d, "Booking")["properties"].update(smoker={"type": "boolean"}),
        lambda d: schema(d, "Booking")["required"].append("smoker"),
        lambda d: field(d, "Booking.floor").update(type="integer", description="Up."),
    ],
)
def test_a_change_that_clients_can_ignore_is_no_breaking_change(change: Change) -> None:
    assert breaks_of(change) == []


def test_a_keyword_without_a_rule_is_an_error() -> None:
    with pytest.raises(
        ValueError, match=r"^Booking\.guest: no rule says what breaks with the keyword not"
    ):
        breaks_of(lambda d: field(d, "Booking.guest").update({"not": {}}))


def test_a_break_is_named_below_the_latest_versions_heading() -> None:
    found = Break("Booking.guest", "the field was removed")
    entry = "\n### Breaking\n\n- `Booking.guest` was removed.\n"
    assert unnamed([found], f"# C\n\n## 2.0.0\n{entry}\n## 1.0.0\n") == []
    assert unnamed([found], f"# C\n\n## 2.0.0\n\n## 1.0.0\n{entry}") == [found]
    assert unnamed([found], "# C\n\n## 2.0.0\n\n### Removed\n\n- `Booking.guest`\n") == [found]


@pytest.mark.parametrize(
    ("released", "current", "raised"),
    [
        ("0.1.0", "0.1.1", False),
        ("0.1.0", "0.2.0", True),
        ("0.9.0", "0.10.0", True),
        ("0.9.3", "1.0.0", True),
        ("1.2.0", "1.3.0", False),
        ("1.2.0", "2.0.0", True),
        ("2.0.0", "1.9.0", False),
    ],
)
def test_which_versions_may_break(released: str, current: str, raised: bool) -> None:
    assert raises_the_version(released, current) is raised


def test_the_document_breaks_nothing_that_the_changelog_does_not_name() -> None:
    assert json.loads(RELEASED.read_text())["paths"]
    assert main() is None
