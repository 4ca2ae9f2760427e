"""Invisible characters."""

import re
from unicodedata import category

INVISIBLE_CHARACTERS = (
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode's Default_Ignorable_Code_Point, such as soft hyphens, joiners, direction marks and
variation selectors. storage/collections/words.py has the same."""
INVISIBLE = re.compile(rf"[{INVISIBLE_CHARACTERS}]")
BLANK_CATEGORIES = {"Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Mc", "Me"}
"""Blanks, control and format characters, and marks, which belong to a letter."""


def is_blank(text: str) -> bool:
    """Return whether nothing of `text` can be seen."""
    return all(
        category(character) in BLANK_CATEGORIES
        or character == "\N{BRAILLE PATTERN BLANK}"
        or INVISIBLE.match(character)
        for character in text
    )
