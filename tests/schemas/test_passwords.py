"""Which passwords are too easy to guess."""

import random
import sys
from types import FrameType
from unicodedata import is_normalized

import pytest
from marshmallow import ValidationError

from schemas.passwords import (
    BLANK,
    COMMON,
    EXAMPLE,
    MIN_LENGTH,
    PERSONAL,
    PLACEHOLDER,
    REPETITIVE,
    collapsed,
    common_passwords,
    error_in_password,
    reject_guessable,
)
from tests.factory import PASSWORD

EMAIL = "Ada.Lovelace@Example.com"


@pytest.mark.parametrize(
    ("password", "error"),
    [
        (" " * 12, BLANK),
        ("\t \u3000\u200b" * 4, BLANK),
        ("\ufe0f\u3164\U000e0100" * 4, BLANK),
        (EXAMPLE, PLACEHOLDER),
        ("aaaaaaaaaaaa", REPETITIVE),
        ("abababababab", REPETITIVE),
        ("123456789012", REPETITIVE),
        ("987654321098", REPETITIVE),
        ("abcdefghijklm", REPETITIVE),
        ("aaaabbbbccccdddd", REPETITIVE),
        ("abc123abc123abc1", REPETITIVE),
        ("\U0001f6aa" * 12, REPETITIVE),
        ("monkey123456", REPETITIVE),
        ("passwordpassword", COMMON),
        ("PasswordPassword", COMMON),
        ("password1password1", COMMON),
        ("1q2w3e4r1q2w3e4r", COMMON),
        ("qwertyuiop[]", COMMON),
        ("1234567890qwerty", COMMON),
        ("counterstrike", COMMON),
        ("Finalfantasy!", COMMON),
        ("!sunshine2026", COMMON),
        ("letmeinletmein1", REPETITIVE),
        ("\u200b" * 9 + "abc", REPETITIVE),
        ("sunshinesunshine1", COMMON),
        ("\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44" * 2, COMMON),
        ("password\u200bpassword", COMMON),
        ("s.u.n.s.h.i.n.e", COMMON),
        ("items api items api", PERSONAL),
        ("\uff29\uff34\uff25\uff2d\uff33-api-items", PERSONAL),
        ("i t e m s a p i", PERSONAL),
        ("adalovelace3.2026", PERSONAL),
        ("example.com12", PERSONAL),
        ("Items-API 2026!", PERSONAL),
        ("ada.lovelace@example.com", PERSONAL),
        ("ada.lovelace", PERSONAL),
        ("Ada.Lovelace-99", PERSONAL),
    ],
)
def test_refuses_what_is_easy_to_guess(password: str, error: str) -> None:
    assert error_in_password(password, [EMAIL]) == error


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "a whole sentence will do",
        "hello kitty!",
        "ada likes pancakes",
        "correct horse correct horse",
        "7394 8801 2746",
        "x9$Kq!v2#Lm8",
        "ma\xeena koi ra\u1e45g",
    ],
)
def test_accepts_other_passwords(password: str) -> None:
    assert error_in_password(password, [EMAIL, "a@b.example"]) is None
    reject_guessable(password)


def test_a_validator_says_why() -> None:
    with pytest.raises(ValidationError) as caught:
        reject_guessable("passwordpassword")
    assert caught.value.messages == [COMMON]


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", ""),
        ("a", "a"),
        ("aab", "aab"),
        ("aaab", "ab"),
        ("cba1", "c1"),
        ("abcabcab", "a"),
        ("foo bar foo bar", "foo bar foo bar"),
        ("foo bar foo bar ", "foo bar "),
    ],
)
def test_repetitions_and_sequences_count_once(text: str, rest: str) -> None:
    assert collapsed(text) == rest


def test_the_list_is_in_the_form_that_passwords_are_compared_in() -> None:
    common = common_passwords()
    assert {"password", "sunshine", "counterstrike", "1q2w3e4r5t6y"} <= common
    assert all(p == p.casefold() and is_normalized("NFC", p) and len(p) >= 8 for p in common)


def test_the_list_has_the_3000_most_common_of_the_allowed_length() -> None:
    assert sum(len(p) >= MIN_LENGTH for p in common_passwords()) > 3_000  # ASVS 5, 6.2.4


def test_letters_that_become_many_when_folded_cost_no_more_than_others() -> None:
    calls = 0

    def count(frame: FrameType, what: str, argument: object) -> None:
        nonlocal calls
        calls += what == "call"

    chooser = random.Random(0)
    many = "".join(chooser.choices([chr(code) for code in range(0xFDF0, 0xFDFC)], k=512))
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        assert error_in_password(many) is None
    finally:
        sys.setprofile(before)
    assert calls < 5_000  # 32,680 without the bound, which took seconds
