"""Sets of integers as closed intervals: sorted, neither touching nor overlapping."""

from collections.abc import Iterable

Intervals = tuple[tuple[int, int], ...]


def of_numbers(numbers: Iterable[int]) -> Intervals:
    """Return the set of these numbers."""
    members = set(numbers)
    if members:
        first, last = min(members), max(members)
        if last - first + 1 == len(members):
            return ((first, last),)
    return union((), ((number, number) for number in members))


def union(intervals: Intervals, more: Iterable[tuple[int, int]]) -> Intervals:
    """Return the set that holds both.

    Parameters
    ----------
    more
        Intervals in any order; one whose first is greater than its last is empty.
    """
    added = [part for part in more if part[0] <= part[1]]
    if not added:
        return intervals
    joined: list[tuple[int, int]] = []
    for first, last in sorted([*intervals, *added]):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def gaps(intervals: Intervals, *, start: int) -> Intervals:
    """Return what is missing between `start` and the greatest member."""
    missing: list[tuple[int, int]] = []
    expected = start
    for first, last in intervals:
        if first > expected:
            missing.append((expected, first - 1))
        expected = max(expected, last + 1)
    return tuple(missing)


def shown(intervals: Intervals, most: int = 5) -> str:
    """Return them as text, such as ``3-4, 7``, clipped to so many intervals."""
    texts = [str(a) if a == b else f"{a}-{b}" for a, b in intervals[:most]]
    return ", ".join(texts) + (", …" if len(intervals) > most else "")
