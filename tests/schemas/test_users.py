"""What users may be and send, each bound from both sides."""

from typing import Any
from unicodedata import normalize

import pytest
from marshmallow import ValidationError

from schemas.base import InputSchema
from schemas.passwords import PERSONAL
from schemas.users import CurrentUserPatch, UserDeletionQuery, UserInput, UserPatch

LONG = "".join(map(chr, range(0x4E00, 0x4F00, 2)))
"""128 characters, none of which follows from the one before."""
USER = {"email": "ada@example.com", "password": LONG[:12]}
CHANGES = {**USER, "current_password": "x"}


def messages(schema: InputSchema, data: Any) -> Any:
    with pytest.raises(ValidationError) as caught:
        schema.load(data)
    return caught.value.messages


@pytest.mark.parametrize(("schema", "whole"), [(UserInput(), USER), (CurrentUserPatch(), CHANGES)])
@pytest.mark.parametrize("password", [LONG[:12], LONG, "🚪🐈🌊🔑🍎🎈🚲🌵📎🧦🪁🥁"])
def test_a_password_may_be_anything_within_bounds(
    schema: InputSchema, whole: Any, password: str
) -> None:
    assert schema.load({**whole, "password": password}) == {**whole, "password": password}


@pytest.mark.parametrize(("schema", "whole"), [(UserInput(), USER), (CurrentUserPatch(), CHANGES)])
@pytest.mark.parametrize("password", ["", LONG[:11], LONG + "x"])
def test_a_password_is_neither_short_nor_endless(
    schema: InputSchema, whole: Any, password: str
) -> None:
    assert messages(schema, {**whole, "password": password}) == {
        "password": ["Length must be between 12 and 128."]
    }


@pytest.mark.parametrize(("schema", "whole"), [(UserInput(), USER), (CurrentUserPatch(), CHANGES)])
@pytest.mark.parametrize(
    "password", ["ada@example.com", "ADA@EXAMPLE.COM!!", "ada@example.com ada"], ids=repr
)
def test_a_password_is_not_the_address_beside_it(
    schema: InputSchema, whole: Any, password: str
) -> None:
    assert messages(schema, {**whole, "password": password}) == {"password": [PERSONAL]}


@pytest.mark.parametrize("field", ["password", "current_password"])
def test_characters_are_counted_as_another_keyboard_sends_them(field: str) -> None:
    """Hangul syllables and the letters they are composed of."""
    composed = "".join(map(chr, range(0xAC01, 0xAC01 + 128 * 28, 28)))
    decomposed = normalize("NFD", composed)
    assert (len(composed), len(decomposed)) == (128, 3 * 128)
    sent = {**CHANGES, field: decomposed}
    assert CurrentUserPatch().load(sent)[field] == composed
    too_short = {**CHANGES, "password": normalize("NFD", composed[:11])}
    assert messages(CurrentUserPatch(), too_short) == {
        "password": ["Length must be between 12 and 128."]
    }


@pytest.mark.parametrize(("schema", "whole"), [(UserInput(), USER), (CurrentUserPatch(), CHANGES)])
def test_a_text_that_is_far_too_long_is_refused_before_normalization(
    schema: InputSchema, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a time that grows with the square of a run of combining marks."""
    lengths: list[int] = []

    def counting(form: Any, text: str) -> str:
        lengths.append(len(text))
        return normalize(form, text)

    for module in ("schemas.passwords", "schemas.emails"):
        monkeypatch.setattr(f"{module}.normalize", counting)
    password = "a" + "\u0301\u0327" * 100_000
    assert messages(schema, {**whole, "password": password}) == {
        "password": ["Must not be longer than 128 characters."]
    }
    assert max(lengths) <= 512


def test_registering_needs_an_address_and_a_password() -> None:
    missing = ["Missing data for required field."]
    assert messages(UserInput(), {}) == {"email": missing, "password": missing}
    assert messages(UserInput(), {**USER, "role": "admin"}) == {"role": ["Unknown field."]}


@pytest.mark.parametrize("field", ["email", "password"])
def test_a_change_of_one_field_is_enough(field: str) -> None:
    sent = {field: CHANGES[field], "current_password": "x"}
    assert CurrentUserPatch().load(sent) == sent


def test_the_current_password_alone_changes_nothing() -> None:
    assert messages(CurrentUserPatch(), {"current_password": "x"}) == {
        "_schema": ["Send at least one field to change."]
    }


@pytest.mark.parametrize("field", ["email", "password", "current_password"])
def test_null_is_refused_in_a_change_of_the_own_account(field: str) -> None:
    assert messages(CurrentUserPatch(), {**CHANGES, field: None}) == {
        field: ["Field may not be null."]
    }


@pytest.mark.parametrize("sent", [{"role": "user"}, {"role": "admin"}, {"active": False}])
def test_an_admin_changes_a_role_or_whether_it_may_sign_in(sent: Any) -> None:
    assert UserPatch().load(sent) == sent


@pytest.mark.parametrize(
    "sent", [{"role": "Admin"}, {"role": ""}, {"role": None}, {"active": None}]
)
def test_rejects_invalid_changes_by_an_admin(sent: Any) -> None:
    assert set(messages(UserPatch(), sent)) == set(sent)


def test_a_deletion_keeps_owned_data_by_default() -> None:
    assert UserDeletionQuery().load({}) == {"delete_owned": False}
    assert UserDeletionQuery().load({"delete_owned": "true"}) == {"delete_owned": True}
    assert messages(UserDeletionQuery(), {"delete_owned": "1"}) == {
        "delete_owned": ["Must be true or false."]
    }
