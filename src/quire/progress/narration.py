"""What a run's log says when documents have come."""

from collections.abc import Iterable

from quire.progress.event import ProgressEvent, complete, failed, info
from quire.progress.phases import Phases
from quire.runs.run import Run, Status

_PRIMARY = "primary"
_BEGIN, _EVENTS, _END = "begin", "events", "end"
_RUN = Phases({_BEGIN: 0, _EVENTS: 99, _END: 1})
_BEGUN = _RUN.percent(_BEGIN)


def narrate(before: Run, after: Run) -> tuple[ProgressEvent, ...]:
    """Return the progress events between two states of a run."""
    said: list[ProgressEvent] = []
    if before.start is None and after.start is not None:
        number = "" if after.scan_id is None else f" {after.scan_id}"
        plan = f" ({after.plan_name})" if after.plan_name else ""
        said.append(info(f"Run{number}{plan} started", _BEGUN))
    if after.stop is None:
        if before.interrupted and not after.interrupted:
            came = after.documents > before.documents
            who = "Documents are coming" if came else "The writer is heard"
            said.append(info(f"{who} again"))
        said += _growth(before, after)
    elif before.stop is None:
        said.append(_ending(after))
    return tuple(said)


def _growth(before: Run, after: Run) -> Iterable[ProgressEvent]:
    percent = _percent(after)
    if percent is not None:
        if percent != (_percent(before) or 0):
            return (info(f"{_done(after)} of {after.num_points} events", percent),)
        return ()
    events, there = after.events, before.events
    if events == there or _step(events) == _step(there):
        return ()
    return (info(f"{events} events"),)


def _ending(run: Run) -> ProgressEvent:
    if run.status is Status.SUCCESS:
        return complete(f"Finished: {run.events} events")
    reason = f": {run.reason}" if run.reason else ""
    return failed(f"Ended by {run.status.value} after {run.events} events{reason}")


def _done(run: Run) -> int:
    stream = run.streams.get(_PRIMARY)
    return 0 if stream is None else stream.rows


def _percent(run: Run) -> int | None:
    if run.num_points is None or run.num_points < 1:
        return None
    return _RUN.percent(_EVENTS, _done(run), run.num_points)


def _step(events: int) -> int:
    """Return a number that changes some ten times in each power of ten."""
    digits = max(len(str(events)) - 1, 0)
    return digits * 10 + int(str(events)[0])
