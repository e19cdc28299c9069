"""Watch one operation to its end, as a person or a program does."""

from collections.abc import Iterable
from typing import Any

from quire.cli.outcomes import Outcome, say
from quire.cli.output import put_json
from quire.cli.progress import screen
from quire.client.connection import Connection
from quire.client.errors import RefusedLookup
from quire.client.jobs import reason_of
from quire.client.progress import Listener, Told
from quire.jobs.phases import Phase
from quire.progress.event import ProgressType


def watch(
    connection: Connection,
    operation: str,
    *,
    timeout: float | None = None,
    as_json: bool = False,
    plain: bool | None = None,
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

    Raises
    ------
    ConnectionLost, Refused
        The server went away for good, or will not tell.
    """
    listening = Connection(connection.address.url, connection.address.token)
    events = Listener(listening, operation).events(timeout)
    try:
        if as_json:
            return _to_end(connection, operation, _written(events))
        say(f"{connection.url}/operations/{operation}")
        with screen(operation[:8], plain=plain) as shown:
            return _to_end(connection, operation, _drawn(events, shown))
    except TimeoutError:
        say(f"still running after {timeout:g} s; " + _hints(operation))
        return Outcome.TIMEOUT
    except KeyboardInterrupt:
        say("detached; still running; " + _hints(operation))
        return Outcome.INTERRUPTED


def _to_end(connection: Connection, operation: str, events: Iterable[Told]) -> Outcome:
    last = None
    for told in events:
        last = told
        if told.event.type is ProgressType.ERROR and _held(connection, operation):
            return Outcome.BLOCKED
    complete = last is not None and last.event.type is ProgressType.COMPLETE
    return Outcome.COMPLETE if complete else Outcome.FAILED


def _held(connection: Connection, operation: str) -> bool:
    try:
        job: dict[str, Any] = connection.get(f"/api/v1/jobs/{operation}")
    except RefusedLookup:
        return False  # a run, whose errors may mend themselves
    if job["phase"] != Phase.HELD:
        return False
    say(
        f"held: {reason_of(job)}\nonce that is mended: quire jobs retry {operation};"
        f" or: quire jobs abort {operation}"
    )
    return True


def _written(events: Iterable[Told]) -> Iterable[Told]:
    for told in events:
        event = told.event
        line: dict[str, Any] = {"id": told.id, "type": event.type}
        line["message"] = event.message
        if event.progress is not None:
            line["progress"] = event.progress
        put_json(line)
        yield told


def _drawn(events: Iterable[Told], shown: Any) -> Iterable[Told]:
    for told in events:
        shown.show(told)
        yield told


def _hints(operation: str) -> str:
    return (
        f"to see it again: quire jobs watch {operation}\n"
        f"to end it: quire jobs abort {operation}\n"
        f"how it stands: quire jobs show {operation}"
    )
