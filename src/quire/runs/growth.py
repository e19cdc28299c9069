"""What a batch of documents adds to one stream."""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from quire.runs.intervals import Intervals, of_numbers, union
from quire.runs.rules.sequence import below_one, odd_seq_num
from quire.runs.run import Finding, Stream
from quire.runs.values import EXACT, as_integer, as_number

_INTEGERS = frozenset({int})
_FLOATS = frozenset({float})


@dataclass(slots=True, kw_only=True)
class Growth:
    """Rows of one descriptor, gathered; it alone here may change.

    Attributes
    ----------
    uids, numbers, times
        Of event rows: uid, sequence number and Unix seconds, as received.
    ranges
        Closed ranges of sequence numbers of external data, by the uid of their
        `stream_resource`.
    """

    uids: list[str] = field(default_factory=list)
    numbers: list[Any] = field(default_factory=list)
    times: list[Any] = field(default_factory=list)
    ranges: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def add_events(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Add rows that stand alone."""
        events = tuple(events)
        self.add_rows(
            [event["uid"] for event in events],
            [event["seq_num"] for event in events],
            [event["time"] for event in events],
        )

    def add_rows(
        self, uids: Sequence[str], numbers: Sequence[Any], times: Sequence[Any]
    ) -> None:
        """Add rows by their columns."""
        self.uids += uids
        self.numbers += numbers
        self.times += times

    def add_page(self, body: Mapping[str, Any], repeated: Collection[int]) -> None:
        """Add the rows of a page; of a ragged one those that all columns have."""
        columns = body["uid"], body["seq_num"], body["time"]
        fresh: Sequence[int] = range(min(map(len, columns)))
        if repeated:
            fresh = [place for place in fresh if place not in repeated]
        mine = (self.uids, self.numbers, self.times)
        for gathered, column in zip(mine, columns, strict=True):
            if len(fresh) == len(column):
                gathered.extend(column)
            else:
                gathered.extend(column[place] for place in fresh)

    def add_range(self, resource: str, first: int, stop: int) -> None:
        """Add a half-open range of rows with external data."""
        self.ranges.setdefault(resource, []).append((first, stop - 1))

    def as_stream(self) -> Stream:
        """Return it as a stream of which nothing else is known."""
        times = _usable_times(self.times)
        assets: dict[str, Intervals] = {
            uid: union((), ranges) for uid, ranges in self.ranges.items()
        }
        seq_nums = _counted(self.numbers)
        return Stream(
            seq_nums=union(seq_nums, (one for each in assets.values() for one in each)),
            events=len(self.uids),
            first_time=min(times, default=None),
            last_time=max(times, default=None),
            assets=assets,
        )

    def findings(self) -> Iterator[Finding]:
        """Tell of odd sequence numbers of events."""
        if not _in_turn(self.numbers) and (
            not _all_exact(self.numbers) or min(self.numbers, default=1) < 1
        ):
            for uid, value in zip(self.uids, self.numbers, strict=True):
                number = as_integer(value)
                if number is None:
                    yield odd_seq_num(uid, value)
                elif number < 1:
                    yield below_one(uid, value)


def together(stream: Stream, more: Stream) -> Stream:
    """Return a stream with the rows of another added."""
    firsts = [t for t in (stream.first_time, more.first_time) if t is not None]
    lasts = [t for t in (stream.last_time, more.last_time) if t is not None]
    assets = stream.assets
    if more.assets:
        assets = assets | {
            uid: union(assets.get(uid, ()), intervals)
            for uid, intervals in more.assets.items()
        }
    return replace(
        stream,
        seq_nums=union(stream.seq_nums, more.seq_nums),
        events=stream.events + more.events,
        first_time=min(firsts, default=None),
        last_time=max(lasts, default=None),
        assets=assets,
    )


def _all_exact(numbers: Sequence[Any]) -> bool:
    return not numbers or (
        set(map(type, numbers)) == _INTEGERS
        and min(numbers) >= -EXACT
        and max(numbers) <= EXACT
    )


def _in_turn(numbers: Sequence[Any]) -> bool:
    """Return whether each is the integer behind the one before, none of them odd."""
    if not numbers or type(numbers[0]) is not int or not 1 <= numbers[0] <= EXACT // 2:
        return False
    first, count = numbers[0], len(numbers)
    if type(numbers[-1]) is not int or numbers[-1] != first + count - 1:
        return False
    # 2.0 is 2, too.
    return numbers == list(range(first, first + count)) and (
        set(map(type, numbers)) == _INTEGERS
    )


def _counted(numbers: Sequence[Any]) -> Intervals:
    """Return the numbers that count, as intervals."""
    if _in_turn(numbers):
        return ((numbers[0], numbers[-1]),)
    if _all_exact(numbers):
        return of_numbers(numbers)
    return of_numbers(
        one for value in numbers if (one := as_integer(value)) is not None
    )


def _usable_times(times: Sequence[Any]) -> Sequence[float]:
    # A sum is finite only if all its terms are.
    if set(map(type, times)) == _FLOATS and math.isfinite(sum(times)):
        return times
    return [one for value in times if (one := as_number(value)) is not None]
