"""The field of passwords, and the rejection of those that are easy to guess (NIST SP 800-63B
§3.1.1.2): common passwords, repetitions, sequences, words related to the user or the service.

Composition rules, such as "a digit and a capital", make passwords worse, so there are none.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any
from unicodedata import normalize

from marshmallow import ValidationError

from schemas.characters import INVISIBLE, is_blank
from schemas.fields import Text

MIN_LENGTH, MAX_LENGTH = 12, 128
MAX_DECOMPOSED = 4
"""A character of form C has at most this many characters in any other form (UAX #15 §14)."""
MIN_REST = 8
"""The minimum number of characters left after removing what is easy to guess."""
MIN_RUN = 3
MIN_WORD = 3
SERVICE = tuple("items-api".replace("-", mark) for mark in (" ", "-", "_", ""))
SURROUNDINGS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
"""Digits and punctuation before and after a word: `dragon` is not much better as `!dragon2026`."""
MARKS = re.compile(r"[\W_]")
SPELLED = re.compile(r"\w(?:[\W_]\w)+")
"""Single letters with a mark between each two: `d.r.a.g.o.n`."""

EXAMPLE = "<your password>"
"""The document's placeholder for a password. If it were accepted, anyone could guess it."""

PLACEHOLDER = "Replace the example with a password of your own."
BLANK = "Must not be blank."
REPETITIVE = "Must not consist of repetitions and sequences."
COMMON = "Must not be a common password, nor one with digits or punctuation around it."
PERSONAL = "Must not consist of your email address or the name of this service."


class Password(Text):
    """Text that a form should hide, normalized to Unicode's form C (RFC 8265 §4.2), so that it is
    the same from every keyboard. Its validators and its length limits see the normalized text."""

    def __init__(self, *, max_length: int, metadata: Mapping[str, Any], **kwargs: Any) -> None:
        metadata = {"format": "password", **metadata}
        super().__init__(max_length=max_length, metadata=metadata, **kwargs)
        self.max_length = MAX_DECOMPOSED * max_length
        self.too_long = f"Must not be longer than {max_length} characters."

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        return normalize("NFC", super()._deserialize(value, attr, data, **kwargs))


def reject_guessable(password: str) -> None:
    """Raise ValidationError for a new password that anyone could guess.

    Passwords that are too short or too long are left to the field's own length check.
    """
    error = error_in_password(password)
    if error is not None and MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise ValidationError(error)


def error_in_password(password: str, emails: Iterable[str] = ()) -> str | None:
    """Return why `password` is too easy to guess for a user with `emails`, or None if it isn't."""
    if is_blank(password):
        return BLANK
    if password == EXAMPLE:
        return PLACEHOLDER
    text = folded(password)[:MAX_LENGTH]  # NFKC makes 18 letters of some, and the work is quadratic
    rest = collapsed(text)
    words = {SURROUNDINGS.sub("", form) for form in (text, rest)}
    shortened = set(map(collapsed, words)) - words
    if min(map(len, (rest, *shortened))) < MIN_REST:
        return REPETITIVE
    if {text, rest, *words, *shortened} & common_passwords():
        return COMMON
    if len(collapsed(_without(text, emails))) < MIN_REST:
        return PERSONAL
    return None


@cache
def common_passwords() -> frozenset[str]:
    """Read the list of common passwords; docs/dependencies.md names its source."""
    lines = Path(__file__).with_name("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def folded(text: str) -> str:
    """Remove what makes `text` no harder to guess: case, wide and other forms of letters, invisible
    characters, and marks between single letters."""
    plain = INVISIBLE.sub("", normalize("NFKC", text)).casefold()
    return MARKS.sub("", plain) if SPELLED.fullmatch(plain) else plain


def collapsed(text: str) -> str:
    """Shorten each repetition and each sequence in `text`: `abcabc` and `aaa` become `a`."""
    shorter = _without_runs(_period(text))
    return text if shorter == text else collapsed(shorter)


def _period(text: str) -> str:
    """Return the shortest prefix that gives `text` when repeated; the last one may be partial."""
    for length in range(1, len(text) // 2 + 1):
        if text[length:] == text[:-length]:
            return text[:length]
    return text


def _without_runs(text: str) -> str:
    """Replace each run of equal or consecutive characters (`aaa`, `4321`) by its first one."""
    kept = ""
    while text:
        kept += text[0]
        length = _run(text)
        text = text[length if length >= MIN_RUN else 1 :]
    return kept


def _run(text: str) -> int:
    """Return the length of the run at the start of `text`."""
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    if not steps or abs(steps[0]) > 1:
        return 1
    return 1 + sum(1 for _ in takewhile(lambda step: step == steps[0], steps))


def _without(text: str, emails: Iterable[str]) -> str:
    """Remove the addresses, their parts and the name of the service from `text`."""
    words = set(SERVICE)
    for address in map(folded, emails):
        name, _, domain = address.partition("@")
        words |= {address, name, MARKS.sub("", name), domain}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= MIN_WORD:
            text = text.replace(word, "")
    return text
