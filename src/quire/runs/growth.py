"""What a batch of documents adds to one stream."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
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
    rows
        How many event rows there are.
    numbers
        Their sequence numbers, as closed ranges.
    times
        Unix seconds, the smallest and the greatest of them among them.
    findings
        What is odd about their sequence numbers.
    ranges
        Closed ranges of sequence numbers of external data, by the uid of their
        `stream_resource`.
    """

    rows: int = 0
    numbers: list[tuple[int, int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    findings: set[Finding] = field(default_factory=set)
    ranges: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def add_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Add rows that stand alone."""
        self.add_rows(
            [event["uid"] for event in events],
            [event["seq_num"] for event in events],
            [event["time"] for event in events],
        )

    def add_rows(
        self,
        uids: Sequence[str],
        numbers: Sequence[Any],
        times: Sequence[Any],
        *,
        finite: bool = False,
    ) -> None:
        """Add rows by their columns.

        Parameters
        ----------
        finite
            Whether all times are known to be finite numbers.
        """
        self.rows += len(uids)
        self.times += _ends(times, finite=finite)
        if _in_turn(numbers):
            self.numbers.append((numbers[0], numbers[0] + len(numbers) - 1))
            return
        if not _are_plain(numbers):
            self.findings.update(_odd(uids, numbers))
            numbers = [n for value in numbers if (n := as_integer(value)) is not None]
        self.numbers += of_numbers(numbers)

    def add_page(self, body: Mapping[str, Any], repeated: Collection[int]) -> None:
        """Add the rows of a page; of a ragged one those that all columns have."""
        columns = [body["uid"], body["seq_num"], body["time"]]
        fresh = range(min(map(len, columns)))
        if repeated or {len(fresh)} != set(map(len, columns)):
            places = [place for place in fresh if place not in repeated]
            columns = [[column[place] for place in places] for column in columns]
        self.add_rows(*columns)

    def add_range(self, resource: str, first: int, stop: int) -> None:
        """Add a half-open range of rows with external data."""
        self.ranges.setdefault(resource, []).append((first, stop - 1))

    def as_stream(self) -> Stream:
        """Return it as a stream of which nothing else is known."""
        assets: dict[str, Intervals] = {
            uid: union((), ranges) for uid, ranges in self.ranges.items()
        }
        every = chain(self.numbers, *assets.values())
        return Stream(
            seq_nums=union((), every),
            events=self.rows,
            first_time=min(self.times, default=None),
            last_time=max(self.times, default=None),
            assets=assets,
        )


def together(stream: Stream, *more: Stream) -> Stream:
    """Return a stream with the rows of others added."""
    every = (stream, *more)
    firsts = [one.first_time for one in every if one.first_time is not None]
    lasts = [one.last_time for one in every if one.last_time is not None]
    added: dict[str, list[tuple[int, int]]] = {}
    for one in more:
        for uid, intervals in one.assets.items():
            added.setdefault(uid, []).extend(intervals)
    assets = stream.assets
    if added:
        assets = assets | {
            uid: union(assets.get(uid, ()), intervals)
            for uid, intervals in added.items()
        }
    return replace(
        stream,
        seq_nums=union(stream.seq_nums, chain.from_iterable(o.seq_nums for o in more)),
        events=sum([one.events for one in every]),
        first_time=min(firsts, default=None),
        last_time=max(lasts, default=None),
        assets=assets,
    )


def _are_plain(numbers: Sequence[Any]) -> bool:
    return not numbers or (
        set(map(type, numbers)) == _INTEGERS
        and min(numbers) >= 1
        and max(numbers) <= EXACT
    )


def _in_turn(numbers: Sequence[Any]) -> bool:
    """Return whether each is the integer behind the one before, none of them odd."""
    if not numbers or type(numbers[0]) is not int or not 1 <= numbers[0] <= EXACT // 2:
        return False
    first = numbers[0]
    return numbers == list(range(first, first + len(numbers)))  # 2.0 is 2, too


def _odd(uids: Sequence[str], numbers: Sequence[Any]) -> Iterator[Finding]:
    for uid, value in zip(uids, numbers, strict=True):
        number = as_integer(value)
        if number is None:
            yield odd_seq_num(uid, value)
        elif number < 1:
            yield below_one(uid, value)


def _ends(times: Sequence[Any], *, finite: bool) -> Sequence[float]:
    """Return the smallest and the greatest of the times that are usable."""
    if not finite and not _are_finite(times):
        times = [one for value in times if (one := as_number(value)) is not None]
    in_turn = sorted(times)  # they nearly always are: then it is quicker than `min`
    ends = in_turn[:1] + in_turn[-1:]
    found = [one for value in ends if (one := as_number(value)) is not None]
    # An integer may be too large for a number.
    return found if len(found) == len(ends) else _ends(times, finite=False)


def _are_finite(times: Sequence[Any]) -> bool:
    # A sum is finite only if all its terms are.
    return set(map(type, times)) == _FLOATS and math.isfinite(sum(times))
