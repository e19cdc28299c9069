from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.runs.query.errors import QueryError, QuerySyntaxError, WrongType
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.query.search_box import boxed
from quire.runs.query.text_form import to_text

PARSER = QueryParser(FieldRegistry(), {"good": "run = 1"})
UID = "3f2a9c01-7711-4e0b-8a6a-0123456789ab"


@pytest.mark.parametrize(
    ("typed", "meaning"),
    [
        ("4371", "scan_id = 4371 or run = 4371"),
        (" 3000-5000 ", "scan_id in 3000..5000 or run in 3000..5000"),
        ("5000 - 3000", "scan_id in 3000..5000 or run in 3000..5000"),
        ("7, 9", "scan_id in [7, 9] or run in [7, 9]"),
        (
            "7,20-30",
            "scan_id in 20..30 or scan_id = 7 or run in 20..30 or run = 7",
        ),
        ("e26", "experiment = 26"),
        ("E26:100-200", "experiment = 26 and run in 100..200"),
        ("e26 : 1, 5-6", "experiment = 26 and (run in 5..6 or run = 1)"),
        ("2026-11-01", "time >= 1793491200.0 and time < 1793577600.0"),
        ("2026-11", "time >= 1793491200.0 and time < 1796083200.0"),
        ("2026-13", "scan_id in 13..2026 or run in 13..2026"),
        ("3f2a9", 'uid ~ "3f2a9*" or "3f2a9"'),
        ("3F2A9", 'uid ~ "3f2a9*" or uid ~ "3F2A9*" or "3f2a9"'),
        ("3f2a9c01-7", 'uid ~ "3f2a9c01-7*"'),
        (UID, f'uid ~ "{UID}*"'),
        ("e26ab", 'uid ~ "e26ab*" or "e26ab"'),
        ("e2612", 'experiment = 2612 or uid ~ "e2612*" or "e2612"'),
        (
            "12345678",
            'scan_id = 12345678 or run = 12345678 or uid ~ "12345678*" or "12345678"',
        ),
        ("copper foil", '"copper foil"'),
        ("Copper or not nickel", '"copper" or not "nickel"'),
        ("copper AND foil", '"copper" and "foil"'),
        ("copper and", '"copper and"'),
        ("or", '"or"'),
        ("android oreo", '"android oreo"'),
        ("Cu*", '"cu"'),
        ("in the text", '"in the text"'),
        ("scan_id = 5", "scan_id = 5"),
        ("scan_id in 3..5", "scan_id in 3..5"),
        ("@good", "run = 1"),
        ('"two words"', '"two words"'),
        ("time > now - 1 d", "time > 1799913600.0"),
    ],
)
def test_what_is_typed_is_understood(typed: str, meaning: str) -> None:
    assert to_text(boxed(typed, PARSER, now=1.8e9)) == meaning


@pytest.mark.parametrize(
    ("typed", "kind", "column"),
    [
        ("", QuerySyntaxError, 1),
        ("???", QuerySyntaxError, 1),
        ("2026-02-31", WrongType, 1),
        ("  scan_id = x", WrongType, 13),
        ("a = (", QuerySyntaxError, 5),
    ],
)
def test_an_error_names_the_place(
    typed: str, kind: type[QueryError], column: int
) -> None:
    with pytest.raises(kind) as refused:
        boxed(typed, PARSER, now=1.8e9)
    assert (refused.value.field, refused.value.column) == ("q", column)


def _refusal(ask: Callable[[], object]) -> QueryError | None:
    try:
        ask()
    except QueryError as error:
        return error
    return None


@given(
    st.text(
        st.sampled_from("0123456789aefx-,: .\"'=orandnot@()~*`[]\0\ud800é"), max_size=30
    )
)
def test_nothing_typed_breaks_it(typed: str) -> None:
    refused = _refusal(lambda: boxed(typed, PARSER, now=1.8e9))
    assert refused is None or refused.field == "q"


@given(st.text(max_size=30))
def test_no_text_breaks_the_language(text: str) -> None:
    refused = _refusal(lambda: PARSER.parse(text, now=1.8e9))
    if refused is not None:
        assert refused.field == "q"
        assert 1 <= (refused.column or 0) <= len(text) + 1
