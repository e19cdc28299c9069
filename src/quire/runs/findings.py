"""Rules that stored documents may break: kept and shown, never a refusal.

Which findings a run has must not depend on the order in which its documents came. A
rule on one document is a fact as soon as that document is there; a rule on several is
judged anew from the folded run, and its finding goes when it holds again.
"""

from collections.abc import Iterable, Iterator, Sized
from typing import Any

from quire.runs.intervals import gaps, shown
from quire.runs.run import Finding, Run
from quire.runs.values import as_integer

_JUDGED_ANEW = frozenset({"sequence_gap", "num_events", "no_start"})
_CONFLICT = "conflict"
# The smallest so many of each rule: a bound that does not depend on order.
_MOST = 100


def settled(run: Run, told: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return all findings of a folded run, sorted.

    Parameters
    ----------
    told
        New findings about single documents.
    """
    kept = {one for one in run.findings if one.rule not in _JUDGED_ANEW}
    every = sorted(kept.union(told, _judged(run)))
    if len(every) <= _MOST:
        return tuple(every)
    counts: dict[str, int] = {}
    bounded: list[Finding] = []
    for finding in every:
        counts[finding.rule] = counts.get(finding.rule, 0) + 1
        if counts[finding.rule] <= _MOST or finding.rule == _CONFLICT:
            bounded.append(finding)
    return tuple(bounded)


def second_stop(uid: str) -> Finding:
    """Tell of a second stop; the earliest is effective (bluesky issue 288)."""
    return Finding(rule="two_stops", uid=uid, message="an earlier stop is effective")


def data_keys_differ(
    descriptor: str, expected: frozenset[str], data: Iterable[str]
) -> Iterator[Finding]:
    """Tell where data keys are not the descriptor's, ``STREAM:`` aside (ComposeEvent)."""
    found = frozenset(data)
    for key in expected - found:
        message = f"an event lacks the data key {key!r}"
        yield Finding(rule="data_keys", uid=descriptor, message=message)
    if found - expected:
        message = "an event has a data key that the descriptor does not declare"
        yield Finding(rule="data_keys", uid=descriptor, message=message)


def timestamps_differ(descriptor: str) -> Finding:
    """Tell that timestamps have other keys than data (ComposeEvent)."""
    message = "an event's timestamps have other keys than its data"
    return Finding(rule="unequal_keys", uid=descriptor, message=message)


def ragged(uid: str, rows: int, columns: dict[str, Sized]) -> Iterator[Finding]:
    """Tell which columns of a page are of unequal length (ComposeEventPage)."""
    for name, column in columns.items():
        if len(column) != rows:
            message = f"{name} has {len(column)} entries for {rows} rows"
            yield Finding(rule="ragged_page", uid=uid, message=message)


def odd_seq_num(uid: str, value: Any) -> Finding:
    """Tell of a sequence number beyond 2**53, which views cannot hold."""
    message = f"the sequence number {str(value)[:40]} is not counted"
    return Finding(rule="seq_num", uid=uid, message=message)


def backward_range(uid: str) -> Finding:
    """Tell of a range in a `stream_datum` that ends before it starts."""
    message = "a range of sequence numbers ends before it starts"
    return Finding(rule="seq_num", uid=uid, message=message)


def _judged(run: Run) -> Iterator[Finding]:
    if run.stop is None or run.stop_uid is None:
        return
    yield from _no_start(run, run.stop_uid)
    yield from _seq_num_gaps(run, run.stop_uid)
    yield from _num_events(run, run.stop_uid)


def _no_start(run: Run, stop: str) -> Iterator[Finding]:
    """Tell that a stop has no start (event-model issue 98)."""
    if run.start is None:
        yield Finding(rule="no_start", uid=stop, message="the run has no start")


def _seq_num_gaps(run: Run, stop: str) -> Iterator[Finding]:
    """Tell what is missing: seq_num counts from 1 in each stream (event-model)."""
    for name, stream in run.streams.items():
        missing = gaps(stream.seq_nums, start=1)
        if missing:
            message = f"stream {name!r} lacks the sequence numbers {shown(missing)}"
            yield Finding(rule="sequence_gap", uid=stop, message=message)


def _num_events(run: Run, stop: str) -> Iterator[Finding]:
    """Tell where `num_events` of the stop differs; a rewind alone does that."""
    announced = run.stop_document().get("num_events")
    if not isinstance(announced, dict):
        return
    for name, value in announced.items():
        stored = run.streams[name].rows if name in run.streams else 0
        if as_integer(value) not in (stored, None):
            message = f"{value} events of {name!r} announced, {stored} rows stored"
            yield Finding(rule="num_events", uid=stop, message=message)
