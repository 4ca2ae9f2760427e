"""Email addresses: their one form, and what is refused."""

import pytest

from schemas.emails import Email
from tests.schemas.test_fields import messages

EMAIL = Email(metadata={})


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("ada@example.com", "ada@example.com"),
        (" \tAda@Example.COM\n", "Ada@Example.COM"),
        ("a.b+c_d'e@f-g.h", "a.b+c_d'e@f-g.h"),
        ("root@localhost", "root@localhost"),
        ("a@b--c.d-e-f", "a@b--c.d-e-f"),
        ("用户@例え.jp", "用户@例え.jp"),
        ("jo\u0308rg@example.com", "j\xf6rg@example.com"),
        ("\uff41da@example.com", "ada@example.com"),
        ("a" * 242 + "@example.com", "a" * 242 + "@example.com"),
    ],
)
def test_an_address_is_kept_in_one_form(value: str, address: str) -> None:
    assert EMAIL.deserialize(value) == address


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "ada", "ada@", "@example.com", "a@b@c", "a b@c", "a@b c", "a@b\n@c"),
        *(
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@.b",
            "a@b.",
            "a@b..c",
            '"a b"@c',
            "a@[::1]",
            "<a@b>",
            "a,b@c",
        ),
        "a\x01@b",
        "a\u3000b@c",
    ],
)
def test_an_invalid_email_address_is_refused(value: str) -> None:
    assert messages(EMAIL, value) == ["Not an email address."]


@pytest.mark.parametrize(
    "value",
    [
        "ada\u200b@example.com",  # a blank without width
        "ada\u202e@example.com",  # turns round what follows
        "ada\u2048@example.com\ufdfa",  # NFKC makes blanks of it
        "ada\uff20example.com@b",  # NFKC makes an @ of it
    ],
)
def test_no_address_only_looks_like_another(value: str) -> None:
    assert messages(EMAIL, value) == ["Not an email address."]


@pytest.mark.parametrize("value", ["a" * 243 + "@example.com", "\xf6" * 122 + "@example.com"])
def test_an_address_has_at_most_254_bytes(value: str) -> None:
    assert messages(EMAIL, value) == ["Must not be longer than 254 bytes of UTF-8."]


def test_a_huge_address_costs_nothing() -> None:
    assert messages(EMAIL, "a." * 500_000) == ["Must not be longer than 254 bytes of UTF-8."]
