"""The words of a text: one function for what is stored and what is searched."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.collections.words import MAX_WORD, Search, search_of, words_of

text = st.text(max_size=40)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, []),
        ("", []),
        ("!? -- 🚪", []),
        ("First gizmo, first shelf", ["first", "gizmo", "shelf"]),
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
        ("x" * 100, ["x" * MAX_WORD]),
        ("τῷ ᾼδης ΤΩΙ", ["αδησ", "τω", "τωι"]),
        ("Hawai\u02bbi \u0149 Qur\u02bean п\u02bcять \u02bc", ["hawaii", "n", "quran", "пять"]),
        ("Ʉmea Ɵst ꝼaꞃꞅꞇ", ["farst", "ost", "umea"]),
        ("Łódź, Ørsted, Đorđe, Ħal", ["dorde", "hal", "lodz", "orsted"]),
        (
            "Ærø œuvre Guðrún Þór DIYARBAK\u0131R",
            ["aero", "diyarbakir", "gudrun", "oeuvre", "thor"],
        ),
        ("қазақ ґудзик", ["гудзик", "казак"]),
        (
            "so\u00adft ze\u200bro x\ufe0f \u200e\u05d0\u05d1\u200f",
            ["soft", "x", "zero", "\u05d0\u05d1"],
        ),
        ("\u00ad \u200d\U000e0100", []),
        ("กาแฟ", ["กาแ", "าแฟ", "แฟ", "ฟ"]),
        ("ກາเ3ខ្tea", ["3", "tea", "ກາเ", "າเ", "เ", "ខ្", "្"]),
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
        ("LO\u00addz*", Search((), ("lodz",))),
        ("กาแฟ แฟ", Search(("กาแ", "าแฟ"), ("แฟ",))),
        ("กาแฟ*", Search(("กาแ", "าแฟ"), ())),
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
def test_a_text_is_found_by_its_own_words(given: str) -> None:
    search = search_of(given.replace("*", " ").replace("\uff0a", " "))
    assert set(search.words) == set(words_of(given)) or search.prefixes


@given(text)
def test_a_word_needs_no_quoting_in_any_database(given: str) -> None:
    for word in words_of(given):
        assert 0 < len(word) <= MAX_WORD
        assert not set(word) & set("'\"\\ :*&|!()<>-^+\n\t")
        assert not word.isascii() or word.isalnum()


UNSPACED = {
    "Thai": "น้ำตกและร้านกาแฟ",
    "Lao": "ພາສາລາວ",
    "Khmer": "ភាសាខ្មែរ",
    "Burmese": "မြန်မာဘာသာ",
    "Javanese": "ꦧꦱꦗꦮ",
    "Balinese": "ᬩᬲᬩᬮᬶ",
}


@pytest.mark.parametrize("text", UNSPACED.values(), ids=UNSPACED)
def test_a_script_without_spaces_is_found_by_each_part_alone(text: str) -> None:
    text = unicodedata.normalize("NFKC", text)
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            assert is_found(text[start:end], text)
    assert not is_found(text[::-1], text)
    assert not is_found(text[3:6] + text[:3], text)


def is_found(query: str, text: str) -> bool:
    words, search = words_of(text), search_of(query)
    prefixes = (any(word.startswith(prefix) for word in words) for prefix in search.prefixes)
    return set(search.words) <= set(words) and all(prefixes)


@given(text, st.sampled_from("\u00ad\u034f\u061c\u200b\u200d\u200e\ufe0f\ufeff\U000e0100"))
def test_an_invisible_character_changes_nothing(given: str, invisible: str) -> None:
    assert words_of(invisible.join(["", *given, ""])) == words_of(given)
