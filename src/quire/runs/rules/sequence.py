"""Rules on sequence numbers and ranges."""

from collections.abc import Iterator, Mapping
from typing import Any

from quire.runs.intervals import gaps, shown
from quire.runs.run import Finding, Run
from quire.runs.values import EXACT, as_integer

_LONGEST = 40


def odd_seq_num(uid: str, value: Any) -> Finding:
    """Tell of a sequence number beyond 2**53, which views cannot hold."""
    message = f"the sequence number {str(value)[:_LONGEST]} is not counted"
    return Finding(rule="seq_num", uid=uid, message=message)


def below_one(uid: str, value: Any) -> Finding:
    """Tell of a sequence number below 1, where counting begins (event-model)."""
    message = f"the sequence number {value} is below 1"
    return Finding(rule="seq_num", uid=uid, message=message)


def odd_ranges(body: Mapping[str, Any]) -> Iterator[Finding]:
    """Tell what is wrong with the ranges of a `stream_datum` (event-model).

    Both are half-open and of one width; `seq_nums` counts from 1, `indices` from 0.
    """
    uid, widths = body["uid"], set[int]()
    for name, least in (("seq_nums", 1), ("indices", 0)):
        first, stop = (as_integer(body[name][end]) for end in ("start", "stop"))
        if first is None or stop is None:
            message = f"{name} reaches beyond {EXACT}"
            yield Finding(rule="range", uid=uid, message=message)
        elif stop < first:
            message = f"{name} stops before it starts"
            yield Finding(rule="range", uid=uid, message=message)
        else:
            widths.add(stop - first)
            if first < least:
                message = f"{name} starts at {first}, below {least}"
                yield Finding(rule="range", uid=uid, message=message)
    if len(widths) > 1:
        message = "seq_nums and indices are of unequal width"
        yield Finding(rule="unequal_width", uid=uid, message=message)


def sequence_gaps(run: Run) -> Iterator[Finding]:
    """Tell what is missing: seq_num counts from 1 in each stream (event-model)."""
    for name, stream in run.streams.items():
        missing = gaps(stream.seq_nums, start=1)
        if missing:
            message = f"stream {name!r} lacks the sequence numbers {shown(missing)}"
            uid = run.stop_uid or run.uid
            yield Finding(rule="sequence_gap", uid=uid, message=message)
