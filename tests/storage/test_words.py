"""The words of a text: one function for what is stored and what is searched."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.collections.words import LONGEST, Search, search_of, words_of

text = st.text(max_size=40)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, []),
        ("", []),
        ("!? -- 🚪", []),
        ("First item, first shelf", ["first", "item", "shelf"]),
        ("e-mail's 3.5", ["3", "5", "e", "mail", "s"]),
        ("snake_case", ["case", "snake"]),
        ("STRASSE Straße", ["strasse"]),
        ("Crème brûlée", ["brulee", "creme"]),
        ("Ελλάδα Ἀθῆναι", ["αθηναι", "ελλαδα"]),
        ("ёлка Йод", ["елка", "иод"]),
        ("ﬁne \uff12\uff10 ™", ["20", "fine", "tm"]),
        ("日本語", ["日", "本", "語"]),
        ("東京tower3", ["tower3", "京", "東"]),
        ("한국 カナ かな", ["か", "な", "カ", "ナ", "국", "한"]),
        ("हिन्दी", ["हिन्दी"]),
        ("e\u0301 \u0301x \ufe0f", ["e", "x"]),
        ("סֵפֶר", ["סֵפֶר"]),
        ("x" * 100, ["x" * LONGEST]),
    ],
)
def test_finds_the_words(given: str | None, words: list[str]) -> None:
    assert words_of(given) == sorted(unicodedata.normalize("NFC", word) for word in words)


@pytest.mark.parametrize(
    ("query", "search"),
    [
        ("kitchen", Search(("kitchen",), ())),
        ("kitch*", Search((), ("kitch",))),
        ("Kü* Tür", Search(("tur",), ("ku",))),
        ("kitch *", Search(("kitch",), ())),
        ("*kitchen", Search(("kitchen",), ())),
        ("a*b", Search(("b",), ("a",))),
        ("東京*", Search(("東",), ("京",))),
        ("Tür\uff0a", Search((), ("tur",))),
        ("* ** !", Search((), ())),
    ],
)
def test_finds_what_a_query_asks_for(query: str, search: Search) -> None:
    assert search_of(query) == search
    assert bool(search_of(query)) == bool(search.words or search.prefixes)


@given(text)
def test_a_text_and_its_decomposed_form_have_the_same_words(given: str) -> None:
    assert words_of(unicodedata.normalize("NFD", given)) == words_of(given)


@given(text, text)
def test_the_words_of_two_texts_are_those_of_each(one: str, other: str) -> None:
    assert words_of(f"{one} {other}") == sorted({*words_of(one), *words_of(other)})


@given(text)
def test_a_text_finds_itself(given: str) -> None:
    search = search_of(given.replace("*", " ").replace("\uff0a", " "))
    assert set(search.words) == set(words_of(given)) or search.prefixes


@given(text)
def test_a_word_needs_no_quoting_in_any_database(given: str) -> None:
    for word in words_of(given):
        assert 0 < len(word) <= LONGEST
        assert not set(word) & set("'\"\\ :*&|!()<>-^+\n\t")
        assert not word.isascii() or word.isalnum()
