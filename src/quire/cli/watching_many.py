"""Watch many operations at once, by one stream, until all are over."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from quire.cli.outcomes import Outcome, say
from quire.cli.output import put_json
from quire.cli.progress import Bar, Lines, Screen, plain_wanted
from quire.cli.watching import is_held, line_of
from quire.client.connection import Connection
from quire.client.progress import Told, follow_many
from quire.client.waiting import in_thread
from quire.jobs.phases import Phase
from quire.progress.event import ProgressType

_SHOWN = 50


def at_work(connection: Connection) -> list[str]:
    """Return the ids of the newest jobs that are not over, oldest first."""
    phases = [phase for phase in Phase if not phase.final]
    page = connection.get("/api/v1/jobs", phase=phases, limit=_SHOWN)
    return [str(job["id"]) for job in reversed(page["jobs"])]


def watch_many(
    connection: Connection,
    operations: Sequence[str],
    *,
    timeout: float | None = None,
    as_json: bool = False,
    plain: bool | None = None,
) -> Outcome:
    """Show operations until all are over or held, or the person goes away.

    Parameters are those of `quire.cli.watching.watch`, and so is what is raised.

    Returns
    -------
    Outcome
        COMPLETE if all completed; else BLOCKED if one is held, else FAILED.
    """
    if not operations:
        say("nothing is at work")
        return Outcome.COMPLETE
    listening = Connection(*connection.given)
    events = in_thread(follow_many(listening, operations), timeout=timeout)
    outcomes: dict[str, Outcome] = {}
    try:
        with ExitStack() as shown:
            show = _json if as_json else _drawn(shown, operations, plain=plain)
            for operation, told in events:
                show(operation, told)
                outcome = _outcome(connection, operation, told)
                if outcome is not None:
                    outcomes[operation] = outcome
                if len(outcomes) == len(operations):
                    break
    except TimeoutError:
        say(f"still running after {timeout:g} s; quire jobs watch shows them again")
        return Outcome.TIMEOUT
    except KeyboardInterrupt:
        say("detached; still running; to see them again: quire jobs watch")
        return Outcome.INTERRUPTED
    found = set(outcomes.values())
    worst = (Outcome.BLOCKED, Outcome.FAILED)
    return next((one for one in worst if one in found), Outcome.COMPLETE)


def _outcome(connection: Connection, operation: str, told: Told) -> Outcome | None:
    """Return how an operation ended by this event, None if it goes on."""
    match told.event.type:
        case ProgressType.COMPLETE:
            return Outcome.COMPLETE
        case ProgressType.FAILED:
            return Outcome.FAILED
        case ProgressType.ERROR if is_held(connection, operation):
            return Outcome.BLOCKED
    return None


def _json(operation: str, told: Told) -> None:
    put_json({"operation": operation, **line_of(told)})


def _drawn(
    shown: ExitStack, operations: Sequence[str], *, plain: bool | None
) -> Callable[[str, Told], None]:
    screens: dict[str, Screen]
    if plain_wanted() if plain is None else plain:
        screens = {one: Lines(one[:8]) for one in operations}
    else:
        from quire.cli.bars import progress_bars

        bars = shown.enter_context(progress_bars())
        screens = {one: Bar(bars, one[:8], measured=False) for one in operations}
    return lambda operation, told: screens[operation].show(told)
