from datetime import UTC, datetime

import pytest
from astropy.io import fits

from quire.products.cards import CardError, format_keyword, read_cards, value_keyword
from quire.products.keywords import (
    Card,
    CardKind,
    EsoKeyword,
    LiteralKeyword,
    ValueKeyword,
)
from quire.products.layout import BLOCK
from quire.products.primary_header import build_header, merge_cards, with_value

MADE = datetime(2026, 11, 21, 1, 2, 3, tzinfo=UTC)


def value(name: str, number: float) -> Card:
    return format_keyword(ValueKeyword(name=name, value=number))


def eso(name: str, number: float = 0) -> Card:
    return format_keyword(EsoKeyword(name=name, value=number))


def comment(text: str) -> Card:
    return format_keyword(LiteralKeyword(value=f"COMMENT {text}"))


def build(*sources: list[Card]) -> fits.Header:
    header = build_header(
        merge_cards(sources),
        file_id="TEST.1",
        file_prefix="pre_",
        made=MADE,
        extended=True,
    )
    assert len(header) % BLOCK == 0
    return fits.Header.fromstring(header.decode())


def test_the_highest_priority_wins_and_commentary_is_kept() -> None:
    header = build(
        [value("A", 1), eso("INS X", 1), comment("one")],
        [value("B", 2), value("A", 2), eso("INS X", 2), comment("two")],
    )

    assert (header["A"], header["B"], header["ESO INS X"]) == (1, 2, 1)
    assert list(header["COMMENT"]) == ["one", "two"]


def test_a_source_that_repeats_itself_is_taken_at_its_first_word() -> None:
    assert build([value("A", 1), value("A", 2)])["A"] == 1


def test_the_order_is_that_of_the_dicd() -> None:
    header = build(
        [
            eso("OCS Z"),
            eso("DET A"),
            eso("INS2 B"),
            comment("c"),
            value("RA", 1),
            value("DEC", 2),
        ],
        [eso("INS Q"), eso("DPR CATG"), value("AAA", 3), eso("INS A")],
    )

    assert [card.keyword for card in header.cards] == [
        *("SIMPLE", "BITPIX", "NAXIS", "EXTEND"),
        *("RA", "DEC", "AAA", "DATE", "ARCFILE", "ORIGFILE"),
        *("ESO DPR CATG", "ESO INS Q", "ESO INS A", "ESO INS2 B", "ESO DET A"),
        *("ESO OCS Z", "COMMENT", "CHECKSUM", "DATASUM"),
    ]


def test_reserved_keywords_are_always_overwritten() -> None:
    said = [
        value_keyword(name, "lie")
        for name in ("ARCFILE", "ORIGFILE", "DATE", "CHECKSUM", "DATASUM")
    ]

    header = build(said)

    assert header["ARCFILE"] == "TEST.1.fits"
    assert header["ORIGFILE"] == "pre_TEST.1.fits"
    assert header["DATE"] == "2026-11-21T01:02:03"
    assert "lie" not in header.values()
    assert len([card for card in header.cards if card.keyword == "DATE"]) == 1


def test_a_value_that_cannot_be_read_is_refused() -> None:
    card = Card(kind=CardKind.VALUE, name="A", image=b"A       = abc".ljust(80))

    with pytest.raises(CardError, match="no readable value"):
        merge_cards([[card]])


def test_long_strings_are_announced() -> None:
    text = "it's " * 40

    header = build([format_keyword(ValueKeyword(name="A", value=text))])

    assert header["A"] == text.rstrip()
    assert header["LONGSTRN"] == "OGIP 1.0"


def test_a_string_is_put_in_its_place() -> None:
    header = b"".join(value_keyword(name, "x", "why").image for name in ("A", "B"))

    cards = list(read_cards(with_value(header, "B", "long enough")))

    assert [card.name for card in cards] == ["A", "B"]
    assert b"'long enough'        / why" in cards[1].image
    with pytest.raises(CardError):
        with_value(header, "C", "y")
