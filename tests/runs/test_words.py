"""The words of a text, however they are spelt."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from quire.runs.words import words_in


def test_case_does_not_count() -> None:
    assert words_in("Cu-Foil, RUN_7\nend") == ["cu", "foil", "run_7", "end"]
    assert words_in("Cu-Foil STRASSE straße") == ["cu", "foil", "strasse", "strasse"]


def test_one_character_may_be_written_in_several_ways() -> None:
    assert words_in("Cafe\u0301 caf\u00e9") == ["caf\u00e9", "caf\u00e9"]
    assert words_in("\ufb00 \u2167 \uff15 \u212b") == ["ff", "viii", "5", "\u00e5"]
    assert words_in("20\u2103 5\u3392") == words_in("20°C 5MHz") == ["20", "c", "5mhz"]


@given(st.text())
def test_the_words_of_words_are_themselves(text: str) -> None:
    words = words_in(text)
    assert words_in(" ".join(words)) == words


@given(st.text(st.characters(max_codepoint=0x24F)))
def test_composed_and_decomposed_texts_have_the_same_words(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert words_in(composed) == words_in(unicodedata.normalize("NFD", text))
