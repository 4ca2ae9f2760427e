"""The words of a text: the same for what is stored and for what is searched.

Both databases index these words as they are. Their own tokenizers disagree with each other, so
none of them is asked.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Literal, NamedTuple
from unicodedata import category, lookup, name, normalize

MAX_WORD = 64
"""A word counts up to this many characters: PostgreSQL takes 2046 bytes, a text has 2000."""

PART = 3
"""How many characters the words of a script without spaces have."""

ACCENTED = ("LATIN ", "GREEK ", "CYRILLIC ")
CJK = ("CJK ", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA", "HANGUL ", "BOPOMOFO ")
# The scripts of the class SA in UAX #14, whose words only a dictionary can tell apart, and two of
# its class AK.
UNSPACED = (
    "THAI ",
    "LAO ",
    "KHMER ",
    "MYANMAR ",
    "TAI ",
    "NEW TAI ",
    "AHOM ",
    "BALINESE ",
    "JAVANESE ",
)
NAMED = re.compile("LATIN SMALL (?:LETTER|LIGATURE) (?:BARRED |INSULAR )?([A-Z]{1,2})(?: BAR)?")
LETTERS = {"ð": "d", "þ": "th", "ŋ": "n", "\u0131": "i"}
"""What stands for letters whose names don't tell, as in CLDR's transliteration Latin-ASCII."""
IOTA_SUBSCRIPT = "\u0345"
APOSTROPHES = "\u02b9\u02ba\u02bb\u02bc\u02bd\u02be\u02bf"
"""Letters to Unicode, but often left out, as the okina of Hawai'i is."""
# Unicode's Default_Ignorable_Code_Point.
INVISIBLE = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
WORD = re.compile(r"[^ *]+")
NOT_ASCII_WORD = re.compile(r"[^a-z0-9*]+")

Kind = Literal["accented", "plain", "cjk", "unspaced", "mark", "asterisk", "outside"]


class Search(NamedTuple):
    """What a text must have: every one of `words`, and a word with each of `prefixes`."""

    words: tuple[str, ...]
    prefixes: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.words or self.prefixes)


def words_of(text: str | None) -> list[str]:
    """The words of `text`, each once, sorted.

    Runs of letters, digits and marks of the case-folded NFKC text without its invisible characters;
    Latin, Greek and Cyrillic letters without accents and strokes. Each CJK character is a word of
    its own. A run in a script without spaces has a word that begins at each of its characters.
    """
    words: set[str] = set()
    for run, _ in _runs(text or ""):
        if _is_unspaced(run):
            words.update(run[start : start + PART] for start in range(len(run)))
        else:
            words.add(run[:MAX_WORD])
    return sorted(words)


def search_of(query: str) -> Search:
    """What `query` asks for: a word with an asterisk right behind it asks for a prefix. So does one
    of a script without spaces that is shorter than the words that are stored of it."""
    words: set[str] = set()
    prefixes: set[str] = set()
    for run, is_prefix in _runs(query):
        if not _is_unspaced(run):
            (prefixes if is_prefix else words).add(run[:MAX_WORD])
        elif len(run) < PART:
            prefixes.add(run)
        else:
            words.update(run[end - PART : end] for end in range(PART, len(run) + 1))
    return Search(tuple(sorted(words)), tuple(sorted(prefixes)))


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """Each run of letters, digits and marks, and whether an asterisk stands right behind it."""
    text = NOT_ASCII_WORD.sub(" ", text.lower()) if text.isascii() else "".join(_spaced(text))
    for match in WORD.finditer(text):
        yield normalize("NFC", match[0]), text.startswith("*", match.end())


def _is_unspaced(run: str) -> bool:
    return not run.isascii() and _kind(run[0])[0] == "unspaced"


def _spaced(text: str) -> Iterator[str]:
    """The letters, digits and marks that count, with blanks wherever a run ends; asterisks."""
    before: Kind = "outside"
    # Case folding would make a letter of the iota subscript.
    text = normalize("NFKD", INVISIBLE.sub("", text)).replace(IOTA_SUBSCRIPT, "")
    for character in normalize("NFKC", text.casefold()):
        kind, letter = _kind(character)
        if kind == "mark":
            if before in ("plain", "cjk", "unspaced"):  # one without a letter is no word
                yield letter
            continue
        apart = kind != before and not {kind, before}.isdisjoint({"cjk", "unspaced"})
        if kind == "cjk" or (apart and kind != "asterisk"):
            yield " "
        yield letter
        before = kind


@lru_cache(maxsize=4096)
def _kind(character: str) -> tuple[Kind, str]:
    """What a character is, and what stands for it."""
    group, called = category(character), name(character, "")
    if group[0] in "LMN" and called.startswith(UNSPACED):
        return "unspaced", character
    if group[0] in "LN" and called.startswith(CJK):
        return "cjk", character
    if group[0] == "M" or character in APOSTROPHES:
        return "mark", character
    if group[0] != "L" and group != "Nd":
        return ("asterisk", character) if character == "*" else ("outside", " ")
    if called.startswith(ACCENTED):
        letters = (c for c in normalize("NFD", character) if category(c)[0] != "M")
        return "accented", "".join(map(_unaccented, letters))
    return "plain", character


def _unaccented(letter: str) -> str:
    """The letters under a stroke, hook or tail, and those of a ligature, by the letter's name: L of
    LATIN SMALL LETTER L WITH STROKE. Unicode decomposes neither."""
    called = name(letter, "")
    if found := NAMED.fullmatch(called):
        return found[1].lower()
    plain, is_variant, _ = called.partition(" WITH ")
    if is_variant:
        with suppress(KeyError):  # there is a LAMBDA WITH STROKE, but no other in Latin
            letter = lookup(plain).casefold()
    return LETTERS.get(letter, letter)
