"""Watch one operation to its end, as a person or a program does."""

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from quire.cli.outcomes import Outcome, say
from quire.cli.output import put_json
from quire.cli.progress import Bar, Screen, screen
from quire.client.connection import Connection
from quire.client.errors import ConnectionLost, Refused, RefusedLookup
from quire.client.jobs import reason_of
from quire.client.progress import Listener, Told
from quire.jobs.phases import Phase
from quire.progress.event import ProgressType

_ASK_SECONDS = 2.0


def watch(
    connection: Connection,
    operation: str,
    *,
    timeout: float | None = None,
    as_json: bool = False,
    plain: bool | None = None,
    hints: str = "",
    mended: str = "",
) -> Outcome:
    """Show an operation until it is over, held, or the person goes away.

    Parameters
    ----------
    operation
        Id of a job, or uid of a run.
    timeout
        Seconds.
    as_json
        Write the progress events to stdout as NDJSON and draw nothing.
    plain
        Lines or a bar; found out by default.
    hints
        What can be done with it further; that of a job if empty.
    mended
        What is to be done once what holds it is mended; that of a job if empty.

    Raises
    ------
    ConnectionLost, Refused
        The server went away for good, or will not tell.
    """
    listening = Connection(*connection.given)
    events = Listener(listening, operation).events(timeout)
    try:
        if as_json:
            return _to_end(connection, operation, _written(events), mended)
        say(f"{connection.url}/operations/{operation}")
        with screen(operation[:8], plain=plain) as shown:
            drawn = _drawn(connection, operation, events, shown)
            return _to_end(connection, operation, drawn, mended)
    except TimeoutError:
        say(f"still running after {timeout:g} s; " + (hints or _hints(operation)))
        return Outcome.TIMEOUT
    except KeyboardInterrupt:
        say("detached; still running; " + (hints or _hints(operation)))
        return Outcome.INTERRUPTED


def _to_end(
    connection: Connection, operation: str, events: Iterable[Told], mended: str
) -> Outcome:
    last = None
    for told in events:
        last = told
        error = told.event.type is ProgressType.ERROR
        if error and is_held(connection, operation, mended):
            return Outcome.BLOCKED
    complete = last is not None and last.event.type is ProgressType.COMPLETE
    return Outcome.COMPLETE if complete else Outcome.FAILED


def is_held(connection: Connection, operation: str, mended: str = "") -> bool:
    """Return whether a job waits for a person, and say so if it does.

    Parameters
    ----------
    mended
        What is to be done then; that of a job if empty.
    """
    try:
        job = _job(connection, operation)
    except RefusedLookup:
        return False  # a run or a lab, whose errors may mend themselves
    if job["phase"] != Phase.HELD:
        return False
    mended = mended or f"quire jobs retry {operation}; or: quire jobs abort {operation}"
    say(f"held: {reason_of(job)}\nonce that is mended: {mended}")
    return True


def _job(connection: Connection, operation: str) -> dict[str, Any]:
    path = f"/api/v1/jobs/{operation}"
    try:
        found: dict[str, Any] = connection.get(path)
    except ConnectionLost:
        connection.find_again()  # it was restarted, and is at another port
        found = connection.get(path)
    return found


def _written(events: Iterable[Told]) -> Iterable[Told]:
    for told in events:
        put_json(line_of(told))
        yield told


def line_of(told: Told) -> dict[str, Any]:
    """Return an event as `--json` prints it."""
    event = told.event
    line: dict[str, Any] = {"id": told.id, "type": event.type}
    line["message"] = event.message
    if event.progress is not None:
        line["progress"] = event.progress
    return line


def _drawn(
    connection: Connection, operation: str, events: Iterable[Told], shown: Screen
) -> Iterable[Told]:
    asked = -_ASK_SECONDS
    for told in events:
        shown.show(told)
        if isinstance(shown, Bar) and time.monotonic() > asked + _ASK_SECONDS:
            asked = time.monotonic()
            # Without an answer the bar shows less; the events go on.
            with suppress(ConnectionLost, Refused):
                shown.expect(connection.get(f"/api/v1/operations/{operation}"))
        yield told


def _hints(operation: str) -> str:
    return (
        f"to see it again: quire jobs watch {operation}\n"
        f"to end it: quire jobs abort {operation}\n"
        f"how it stands: quire jobs show {operation}"
    )
