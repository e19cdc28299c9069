import math
from typing import Any

import pytest

from quire.runs.values import EXACT, LARGEST, as_integer, as_number, as_text


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        (5, 5),
        (5.0, 5),
        (-5.0, -5),
        (EXACT, EXACT),
        (-EXACT, -EXACT),
        (float(EXACT), EXACT),
        (EXACT + 1, None),
        (-EXACT - 1, None),
        (float(EXACT + 2), None),
        (5.5, None),
        (math.nan, None),
        (math.inf, None),
        (True, None),
        ("5", None),
        (None, None),
    ],
)
def test_an_integer_is_whole_and_exact(value: Any, integer: int | None) -> None:
    assert repr(as_integer(value)) == repr(integer)


def test_an_integer_may_be_as_great_as_64_bits_hold() -> None:
    assert LARGEST == 0x7FFF_FFFF_FFFF_FFFF
    assert as_integer(LARGEST, most=LARGEST) == LARGEST
    assert as_integer(2.0**62, most=LARGEST) == 2**62
    assert as_integer(LARGEST + 1, most=LARGEST) is None
    assert as_integer(2.0**63, most=LARGEST) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5.0),
        (-2.5, -2.5),
        (10**400, None),
        (math.nan, None),
        (-math.inf, None),
        (True, None),
        ("5", None),
        (None, None),
    ],
)
def test_a_number_is_finite(value: Any, number: float | None) -> None:
    assert repr(as_number(value)) == repr(number)


def test_a_text_is_a_string() -> None:
    assert [as_text(value) for value in ("", "a", 5, None)] == ["", "a", None, None]
