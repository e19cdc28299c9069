from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import ManyInputErrors
from quire.products.cards import format_keyword, parse_value
from quire.products.keyword_dictionary import Dictionaries, read_dictionary
from quire.products.keywords import (
    EsoKeyword,
    Keyword,
    LiteralKeyword,
    ValueKeyword,
)

TEXT = """
description = "of a spectrograph"

[keywords.EXPTIME]
type = "double"
unit = "s"
format = "%.3f"
comment = "exposure time"
mandatory = true

[keywords.OBSERVER]
type = "string"

[keywords."INS TEMPi VAL"]
type = "double"
format = "%.1f"
unit = "K"

[keywords."DET NDITi"]
type = "integer"

[keywords."INS SHUT ST"]
type = "logical"
"""
KNOWN = Dictionaries([read_dictionary("instrument", TEXT)])


@pytest.mark.parametrize(
    ("keyword", "fault"),
    [
        (ValueKeyword(name="EXPTIME", value=1.5), ""),
        (ValueKeyword(name="EXPTIME", value=2), ""),
        (ValueKeyword(name="EXPTIME", value=True), "has double"),
        (ValueKeyword(name="EXPTIME", value="2"), "has double"),
        (ValueKeyword(name="OBSERVER", value="me"), ""),
        (ValueKeyword(name="OBSERVER", value=1), "has string"),
        (EsoKeyword(name="INS TEMP1 VAL", value=3.0), ""),
        (EsoKeyword(name="INS TEMP12 VAL", value=3.0), ""),
        (EsoKeyword(name="INS TEMP VAL", value=3.0), ""),
        (EsoKeyword(name="INS TEMPA VAL", value=3.0), "in none of the dictionaries"),
        (EsoKeyword(name="DET NDIT", value=2.5), "has integer"),
        (EsoKeyword(name="INS SHUT ST", value=1), "has logical"),
        (ValueKeyword(name="SLIT", value=1), "in none of the dictionaries instrument"),
        (LiteralKeyword(value="COMMENT anything"), ""),
        (LiteralKeyword(value="OBSERVER= 'me'"), ""),
        (LiteralKeyword(value="SLIT    = 1"), "'SLIT' is in none"),
    ],
)
def test_keywords_are_compared(keyword: Keyword, fault: str) -> None:
    faults = list(KNOWN.keyword_faults([keyword], "/sources/0"))
    assert bool(faults) == bool(fault)
    for one in faults:
        assert one.field == "/sources/0/keywords/0"
        assert fault in one.reason


@given(st.one_of(st.integers(-(2**40), 2**40), st.floats(-1e6, 1e6)))
def test_numbers_are_written_as_the_dictionary_has_it(value: float) -> None:
    written = KNOWN.conformed(EsoKeyword(name="INS TEMP1 VAL", value=value))
    card = format_keyword(written)
    assert parse_value(card) == float(f"{value:.1f}")
    assert isinstance(parse_value(card), float)
    assert b"/ [K]" in card.image
    assert KNOWN.card_fault(card) == ""


def test_a_comment_of_one_s_own_is_kept() -> None:
    keyword = ValueKeyword(name="EXPTIME", value=1, comment="mine")
    assert b"/ mine" in format_keyword(KNOWN.conformed(keyword)).image
    plain = KNOWN.conformed(ValueKeyword(name="EXPTIME", value=1))
    assert b"/ [s] exposure time" in format_keyword(plain).image


def test_what_is_mandatory_is_missed() -> None:
    assert KNOWN.missing(["OBSERVER"]) == ("EXPTIME of dictionary 'instrument'",)
    assert KNOWN.missing(["EXPTIME"]) == ()


def test_without_dictionaries_nothing_is_checked() -> None:
    none = Dictionaries()
    keyword = ValueKeyword(name="SLIT", value=1)
    assert list(none.keyword_faults([keyword], "")) == []
    assert none.conformed(keyword) == keyword
    assert none.missing([]) == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[keywords", "is not TOML"),
        ("", "keywords"),
        ("[keywords.A]\ntype = 'float'", "float"),
        ("[keywords.A]\ntype = 'string'\nodd = 1", "odd"),
        ("[keywords.low]\ntype = 'string'", "no name of a keyword"),
        ("[keywords.A]\ntype = 'double'\nformat = 'f'", "'f' is none"),
        ("[keywords.A]\ntype = 'double'\nformat = '%s'", "formats no double"),
        ("[keywords.A]\ntype = 'string'\nformat = '%d'", "formats no string"),
        ("[keywords.A]\ntype = 'double'\nformat = '%d%d'", "is none"),
    ],
)
def test_a_bad_dictionary_says_where(text: str, fault: str) -> None:
    with pytest.raises(ManyInputErrors, match=fault) as caught:
        read_dictionary("bad", text)
    assert "bad" in str(caught.value)


def test_all_faults_of_a_dictionary_are_told() -> None:
    lines: list[Any] = ["[keywords.a]", "type = 'double'", "format = 'x'"]
    with pytest.raises(ManyInputErrors) as caught:
        read_dictionary("bad", "\n".join(lines))
    assert len(caught.value.errors) == 2
