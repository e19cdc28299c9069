"""What a run's log says when documents have come."""

from collections.abc import Iterator

from quire.progress.event import ProgressEvent, complete, failed, info
from quire.progress.phases import Phases
from quire.runs.run import Run, Status

_PRIMARY = "primary"
_BEGIN, _EVENTS, _END = "begin", "events", "end"
_RUN = Phases({_BEGIN: 0, _EVENTS: 99, _END: 1})


def narrate(before: Run, after: Run) -> tuple[ProgressEvent, ...]:
    """Return the progress events between two states of a run."""
    return tuple(_events(before, after))


def _events(before: Run, after: Run) -> Iterator[ProgressEvent]:
    if before.start is None and after.start is not None:
        number = "" if after.scan_id is None else f" {after.scan_id}"
        plan = f" ({after.plan_name})" if after.plan_name else ""
        yield info(f"Run{number}{plan} started", _RUN.percent(_BEGIN))
    if before.interrupted and not after.interrupted and after.stop is None:
        yield info("Documents are coming again")
    if after.stop is not None:
        if before.stop is None:
            yield _ending(after)
        return
    percent = _percent(after)
    if percent is None:
        if _step(after.events) != _step(before.events):
            yield info(f"{after.events} events")
    elif percent != (_percent(before) or 0):
        yield info(f"{_done(after)} of {after.num_points} events", percent)


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
