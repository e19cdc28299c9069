"""Rules on the stop of a run."""

from collections.abc import Iterator

from quire.runs.run import Finding, Run, Severity
from quire.runs.values import as_integer


def second_stop(uid: str) -> Finding:
    """Tell of a second stop; the earliest is effective (bluesky issue 288)."""
    return Finding(rule="two_stops", uid=uid, message="an earlier stop is effective")


def no_start(run: Run) -> Iterator[Finding]:
    """Tell that a run has a stop, but no start (event-model issue 98)."""
    if run.start is None and run.stop_uid is not None:
        message = "the run has no start"
        yield Finding(rule="no_start", uid=run.stop_uid, message=message)


def num_events(run: Run) -> Iterator[Finding]:
    """Tell where `num_events` differs: a rewind alone does that (`ComposeStop`).

    It names every stream, so that one which it lacks had none.
    """
    announced = run.stop_document().get("num_events")
    if not isinstance(announced, dict) or run.stop_uid is None:
        return
    for name in sorted({*announced, *run.streams}):
        value = announced.get(name, 0)
        stored = run.streams[name].rows if name in run.streams else 0
        if as_integer(value) != stored:
            message = f"{value} events of {name!r} announced, {stored} rows stored"
            yield Finding(
                rule="num_events",
                uid=run.stop_uid,
                message=message,
                severity=Severity.NOTE,
            )
