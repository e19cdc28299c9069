import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.products.cards import CARD, CardError, format_keyword, parse_value
from quire.products.keyword_rules import (
    Filter,
    Transform,
    apply_rules,
    glob_regex,
    pattern_fault,
    rename_fault,
)
from quire.products.keywords import (
    Card,
    CardKind,
    EsoKeyword,
    LiteralKeyword,
    ValueKeyword,
)

NAMES = ("INS MODE", "INS TEMP1 VAL", "INS TEMP2 VAL", "INS TEMP3 VAL", "DET ID")


def eso(name: str) -> Card:
    return format_keyword(EsoKeyword(name=name, value="it's", comment="why"))


def value(name: str) -> Card:
    return format_keyword(ValueKeyword(name=name, value=1.5))


CARDS = (
    *map(eso, NAMES),
    value("VALUEKW"),
    value("EXPTIME"),
    format_keyword(LiteralKeyword(value="COMMENT text")),
)


def names(cards: tuple[Card, ...]) -> list[str]:
    return [card.name for card in cards]


def test_esos_own_example() -> None:
    rule = Filter(
        selection_patterns=("+e INS *", "-e INS TEMP[12] *", "+v VALUEKW"),
    )

    kept = apply_rules(CARDS, (rule,))

    assert names(kept) == ["INS MODE", "INS TEMP3 VAL", "VALUEKW"]


def test_a_transform_renames_and_keeps_value_and_comment() -> None:
    rule = Transform(selection_patterns=("+e INS *",), regex="^INS ", format="INS2 ")

    cards = apply_rules(CARDS, (rule,))

    assert names(cards)[:2] == ["INS2 MODE", "INS2 TEMP1 VAL"]
    assert names(cards)[4:] == names(CARDS)[4:]
    assert parse_value(cards[0]) == "it's"
    assert cards[0].image.rstrip().endswith(b"/ why")


def test_rules_are_chained() -> None:
    rename = Transform(selection_patterns=("+e INS *",), regex="^INS", format="ABC")
    keep = Filter(selection_patterns=("+e ABC *",))

    assert names(apply_rules(CARDS, (rename, keep))) == [
        "ABC MODE",
        "ABC TEMP1 VAL",
        "ABC TEMP2 VAL",
        "ABC TEMP3 VAL",
    ]
    assert apply_rules(CARDS, (keep, rename)) == ()


def test_groups_are_put_in_as_ecmascript_does() -> None:
    rule = Transform(
        selection_patterns=("+e INS TEMP*",),
        regex=r"TEMP([0-9])",
        format="$1-$&",
    )

    assert names(apply_rules(CARDS, (rule,)))[1] == "INS 1-TEMP1 VAL"


def test_no_rules_copy_all_and_an_empty_list_nothing() -> None:
    assert apply_rules(CARDS, None) == CARDS
    assert apply_rules(CARDS, ()) == ()


@pytest.mark.parametrize(
    "name", ["SIMPLE", "BITPIX", "NAXIS", "NAXIS12", "TFORM3", "CHECKSUM", "DATE"]
)
def test_structural_and_reserved_keywords_are_never_copied(name: str) -> None:
    card = Card(kind=CardKind.VALUE, name=name, image=b"".ljust(CARD))
    everything = Filter(selection_patterns=("+v *", "+e *"))

    assert apply_rules((card,), None) == ()
    assert apply_rules((card,), (everything,)) == ()


@pytest.mark.parametrize("name", ["NAXIS1", "END", "DATE", "toolow", "WAYTOOLONG"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    rule = Transform(selection_patterns=("+v *",), regex="^EXPTIME$", format=name)

    with pytest.raises(CardError, match="cannot be renamed"):
        apply_rules(CARDS, (rule,))


@pytest.mark.parametrize(
    "pattern", ["", "e INS", "+x INS", "+eINS", "+e ", "+e A[12", "+e A[2-1]", "* e A"]
)
def test_a_wrong_pattern_is_told(pattern: str) -> None:
    assert pattern_fault(pattern)


@pytest.mark.parametrize(
    ("regex", "text"), [("(", "x"), ("a", "$1"), ("(a)", "$2"), ("a{2,1}", "")]
)
def test_a_wrong_renaming_is_told(regex: str, text: str) -> None:
    assert rename_fault(regex, text)


@given(text=st.text(st.sampled_from("INS TEMP0123.+()\\^$|?"), max_size=12))
def test_a_glob_without_wildcards_matches_only_itself(text: str) -> None:
    pattern = glob_regex(text)

    assert pattern.fullmatch(text)
    assert not pattern.fullmatch(text + "X")


@given(
    before=st.text("AB [", max_size=4).filter(lambda text: "[" not in text),
    middle=st.text("ABC ", max_size=6),
)
def test_a_star_matches_anything(before: str, middle: str) -> None:
    assert glob_regex(f"{before}*Z").fullmatch(f"{before}{middle}Z")


@given(
    chosen=st.lists(st.sampled_from(["+e INS *", "-e *", "+v *", "-v E*", "+e DET *"]))
)
def test_a_filter_keeps_an_ordered_part_and_twice_is_once(chosen: list[str]) -> None:
    rule = Filter(selection_patterns=tuple(chosen))

    once = apply_rules(CARDS, (rule,))

    assert [card for card in CARDS if card in once] == list(once)
    assert apply_rules(once, (rule,)) == once
    expected: set[Card] = set()
    for pattern in chosen:
        regex = re.compile(pattern[3:].replace("*", ".*"))
        kind = CardKind.ESO if pattern[1] == "e" else CardKind.VALUE
        hits = {c for c in CARDS if c.kind is kind and regex.fullmatch(c.name)}
        expected = expected | hits if pattern[0] == "+" else expected - hits
    assert set(once) == expected
