from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from quire.runs.intervals import gaps, of_numbers, shown, union

_numbers = st.integers(-5, 20)
_sets = st.sets(_numbers)
_parts = st.lists(st.tuples(_numbers, _numbers))


def held(intervals: Iterable[tuple[int, int]]) -> set[int]:
    return {n for first, last in intervals for n in range(first, last + 1)}


@given(_sets, _parts)
def test_a_union_holds_both_and_nothing_in_it_touches(
    numbers: set[int], parts: list[tuple[int, int]]
) -> None:
    found = union(of_numbers(numbers), parts)
    assert held(found) == numbers | held(parts)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(found))
    assert of_numbers(held(found)) == found


@given(_sets, _numbers)
def test_gaps_are_what_is_missing_up_to_the_greatest(
    numbers: set[int], start: int
) -> None:
    between = set(range(start, max(numbers, default=start)))
    assert gaps(of_numbers(numbers), start=start) == of_numbers(between - numbers)


def test_a_few_are_shown() -> None:
    found = tuple((n, n + n % 20) for n in range(0, 60, 10))
    assert shown(found[:5]) == "0, 10-20, 20, 30-40, 40"
    assert shown(found) == "0, 10-20, 20, 30-40, 40, …"
    assert shown(found, 1) == "0, …"
    assert shown(()) == ""
