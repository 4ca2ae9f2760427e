"""The words of a text: the same for what is stored and for what is searched.

Both databases index these words as they are. Their own tokenizers disagree with each other, so
none of them is asked.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple
from unicodedata import category, name, normalize

LONGEST = 64
"""A word counts up to this many characters: PostgreSQL takes 2046 bytes, a text has 2000."""

ACCENTED = ("LATIN ", "GREEK ", "CYRILLIC ")
CJK = ("CJK ", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA", "HANGUL ", "BOPOMOFO ")
WORD = re.compile(r"[^ *]+")
NOT_ASCII_WORD = re.compile(r"[^a-z0-9*]+")

Kind = Literal["accented", "plain", "cjk", "mark", "asterisk", "outside"]


class Search(NamedTuple):
    """What a text must have: every one of `words`, and a word with each of `prefixes`."""

    words: tuple[str, ...]
    prefixes: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.words or self.prefixes)


def words_of(text: str | None) -> list[str]:
    """The words of `text`, each once, sorted.

    Runs of letters, digits and marks of the case-folded NFKC text; Latin, Greek and Cyrillic
    letters without their accents; each CJK character a word of its own.
    """
    return sorted({word for word, _ in _words(text or "")})


def search_of(query: str) -> Search:
    """What `query` asks for: a word with an asterisk right behind it asks for a prefix."""
    found = set(_words(query))
    words = sorted(word for word, is_prefix in found if not is_prefix)
    return Search(tuple(words), tuple(sorted(word for word, is_prefix in found if is_prefix)))


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """Each word, and whether an asterisk stands right behind it."""
    text = NOT_ASCII_WORD.sub(" ", text.lower()) if text.isascii() else "".join(_spaced(text))
    for match in WORD.finditer(text):
        yield normalize("NFC", match[0])[:LONGEST], text.startswith("*", match.end())


def _spaced(text: str) -> Iterator[str]:
    """The letters, digits and marks that count, with blanks wherever a word ends; asterisks."""
    before: Kind = "outside"
    for character in normalize("NFKC", normalize("NFKC", text).casefold()):
        kind, letter = _kind(character)
        if kind == "mark":
            if before in ("plain", "cjk"):  # one without a letter is no word, nor is an accent
                yield letter
            continue
        if kind == "cjk" or (before == "cjk" and kind != "asterisk"):
            yield " "
        yield letter
        before = kind


@lru_cache(maxsize=4096)
def _kind(character: str) -> tuple[Kind, str]:
    """What a character is, and what stands for it."""
    group, called = category(character), name(character, "")
    if character == "*":
        return "asterisk", character
    if group[0] == "M":
        return "mark", character
    if group[0] in "LN" and called.startswith(CJK):
        return "cjk", character
    if group[0] != "L" and group != "Nd":
        return "outside", " "
    if called.startswith(ACCENTED):
        letters = (c for c in normalize("NFD", character) if category(c)[0] != "M")
        return "accented", "".join(letters)
    return "plain", character
