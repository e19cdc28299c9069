"""Sets of integers as closed intervals: sorted, neither touching nor overlapping."""

from collections.abc import Iterable

Intervals = tuple[tuple[int, int], ...]


def union(intervals: Intervals, more: Iterable[tuple[int, int]]) -> Intervals:
    """Return the set that holds both; intervals that are empty add nothing."""
    added = [pair for pair in more if pair[0] <= pair[1]]
    if not added:
        return intervals
    merged: list[tuple[int, int]] = []
    for first, last in sorted([*intervals, *added]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def gaps(intervals: Intervals, *, start: int) -> Intervals:
    """Return what is missing between `start` and the greatest member."""
    missing: list[tuple[int, int]] = []
    expected = start
    for first, last in intervals:
        if first > expected:
            missing.append((expected, first - 1))
        expected = max(expected, last + 1)
    return tuple(missing)
