"""Rows gathered by their columns, against what is said of each of them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from quire.runs.growth import Growth
from quire.runs.intervals import of_numbers
from quire.runs.values import EXACT, as_integer, as_number

FIRST = [-1, 0, 1, 5, EXACT // 2, EXACT - 2, EXACT, EXACT + 1, -EXACT - 1]
TIMES = st.lists(
    st.floats(-9, 9) | st.sampled_from([3, -1, 10**400, 1e308]), min_size=4, max_size=4
)


@st.composite
def numbers_in_turn(draw: st.DrawFn) -> list[Any]:
    """Return numbers one behind another, or nearly so; an integer may be a float."""
    first = draw(st.sampled_from(FIRST))
    found: list[Any] = list(range(first, first + draw(st.integers(0, 4))))
    for place in draw(st.lists(st.integers(0, 3), max_size=2)):
        if place < len(found):
            found[place] = draw(st.sampled_from([float(found[place]), found[0], 7]))
    return found


@given(numbers_in_turn(), TIMES)
def test_rows_are_counted_as_each_of_them_is(
    numbers: list[Any], times: list[Any]
) -> None:
    uids = [f"e{place}" for place in range(len(numbers))]
    growth = Growth()
    growth.add_rows(uids, numbers, times[: len(numbers)])
    stream = growth.as_stream()
    counted = [n for value in numbers if (n := as_integer(value)) is not None]
    usable = [t for time in times[: len(numbers)] if (t := as_number(time)) is not None]
    assert (stream.events, stream.seq_nums) == (len(numbers), of_numbers(counted))
    assert stream.first_time == min(usable, default=None)
    assert stream.last_time == max(usable, default=None)
    assert sorted(one.uid for one in growth.findings) == [
        uid
        for uid, value in zip(uids, numbers, strict=True)
        if (number := as_integer(value)) is None or number < 1
    ]
