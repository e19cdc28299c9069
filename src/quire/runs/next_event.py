"""The fold of what comes most: one event that follows in its stream, as declared."""

import math
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from quire.runs.findings import settled
from quire.runs.rules.values import all_fit
from quire.runs.run import DataKey, Run, Status
from quire.runs.values import EXACT

_EXTERNAL = attrgetter("external")


def with_next_event(run: Run, event: Mapping[str, Any]) -> Run | None:
    """Return what `quire.runs.fold.fold` does for an event, for a sixth of its time.

    Parameters
    ----------
    event
        That the run does not have yet.

    Returns
    -------
    Run or None
        None where there is more to it than the next row of a stream: then it is for
        the fold.
    """
    descriptor, number, time = event["descriptor"], event["seq_num"], event["time"]
    declared = run.declared.get(descriptor)
    if declared is None or not _as_declared(event, declared):
        return None
    name = run.descriptors[descriptor]
    stream = run.streams[name]
    before = stream.seq_nums
    if type(number) is not int or type(time) is not float or not before:
        return None
    first, last = before[-1]
    if not 1 <= last < EXACT // 2 or number != last + 1 or not math.isfinite(time):
        return None
    if stream.first_time is None or stream.last_time is None:
        return None
    stream = replace(
        stream,
        seq_nums=(*before[:-1], (first, number)),
        events=stream.events + 1,
        first_time=min(stream.first_time, time),
        last_time=max(stream.last_time, time),
    )
    streams = {**run.streams, name: stream}
    run = replace(run, documents=run.documents + 1, streams=streams)
    return settled(run) if run.findings or run.status is not Status.OPEN else run


def _as_declared(event: Mapping[str, Any], declared: Mapping[str, DataKey]) -> bool:
    """Return whether it holds what its descriptor says, and all of it by itself."""
    data = event["data"]
    if event.get("filled") or len(data) != len(declared):
        return False
    if data.keys() != declared.keys() or data.keys() != event["timestamps"].keys():
        return False
    return not any(map(_EXTERNAL, declared.values())) and all_fit(data, declared)
