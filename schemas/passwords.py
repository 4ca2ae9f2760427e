"""Which passwords are too easy to guess (NIST SP 800-63B §3.1.1.2: a blocklist of common ones, of
repetitions and sequences, and of what has to do with the user or the service).

Other rules, such as "a digit and a capital", make passwords worse and are not here.
"""

import re
from collections.abc import Iterable
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path
from unicodedata import category

from marshmallow import ValidationError

MIN_LENGTH, MAX_LENGTH = 12, 128
LEAST_REST = 8
"""How many characters must be left of a password without what is easy to guess in it."""
SHORTEST_RUN = 3
SHORTEST_WORD = 3
SERVICE = ("items api", "items-api", "items_api", "itemsapi")
SURROUNDINGS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
"""Digits and punctuation before and after a word: `dragon` is not much better as `!dragon2026`."""

BLANK = "Must not be blank."
REPETITIVE = "Must not consist of repetitions and sequences."
COMMON = "Must not be one of the most common passwords, nor one with digits around it."
PERSONAL = "Must not consist of your email address or the name of this service."


def reject_guessable(password: str) -> None:
    """A validator for new passwords of any user. Raises ValidationError; not for one of another
    length, which the field refuses."""
    objection = objection_to(password)
    if objection is not None and MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise ValidationError(objection)


def objection_to(password: str, emails: Iterable[str] = ()) -> str | None:
    """Why `password` is too easy to guess, in a sentence for the user of `emails`; None if it
    isn't."""
    if all(category(character)[0] in "ZC" for character in password):
        return BLANK
    text = password.casefold()
    rest = collapsed(text)
    if len(rest) < LEAST_REST:
        return REPETITIVE
    forms = {text, rest, SURROUNDINGS.sub("", text), SURROUNDINGS.sub("", rest)}
    if forms & common_passwords():
        return COMMON
    if len(collapsed(_without(text, emails))) < LEAST_REST:
        return PERSONAL
    return None


@cache
def common_passwords() -> frozenset[str]:
    """docs/dependencies.md says where they come from."""
    lines = Path(__file__).with_name("common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def collapsed(text: str) -> str:
    """`text` with each repetition and each sequence counted once: `abcabc` and `aaa` are `a`."""
    shorter = _without_runs(_period(text))
    return text if shorter == text else collapsed(shorter)


def _period(text: str) -> str:
    """The shortest start of `text` that, repeated, gives it; the last time it may be cut short."""
    for length in range(1, len(text) // 2 + 1):
        if text[length:] == text[:-length]:
            return text[:length]
    return text


def _without_runs(text: str) -> str:
    """Each run of equal or consecutive characters, such as `aaa` or `4321`, as its first one."""
    kept, position = [], 0
    while position < len(text):
        kept.append(text[position])
        length = _run(text[position:])
        position += length if length >= SHORTEST_RUN else 1
    return "".join(kept)


def _run(text: str) -> int:
    """The length of the run that `text` starts with."""
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    if not steps or abs(steps[0]) > 1:
        return 1
    return 1 + sum(1 for _ in takewhile(lambda step: step == steps[0], steps))


def _without(text: str, emails: Iterable[str]) -> str:
    """`text` without the addresses, their local parts and the name of the service."""
    addresses = [email.casefold() for email in emails]
    words = {*SERVICE, *addresses, *(address.partition("@")[0] for address in addresses)}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= SHORTEST_WORD:
            text = text.replace(word, "")
    return text
