"""Draw progress on stderr: bars in a terminal, timestamped lines elsewhere."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from quire.client.progress import Told
from quire.progress.event import ProgressType

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_REPEAT_SECONDS = 1.0
_WHOLE = 100


class Screen(Protocol):
    """Shows one operation."""

    def show(self, told: Told) -> None:
        """Show what it tells."""
        ...


def plain_wanted() -> bool:
    """Return whether stderr is no place for a bar."""
    environ = os.environ
    return (
        not sys.stderr.isatty()
        or bool(environ.get("CI") or environ.get("NO_COLOR"))
        or environ.get("TERM") == "dumb"
    )


@contextmanager
def screen(label: str, *, plain: bool | None = None) -> Iterator[Screen]:
    """Give a screen for one operation.

    Parameters
    ----------
    plain
        Lines or a bar; found out by default.
    """
    if plain_wanted() if plain is None else plain:
        yield Lines(label)
        return
    from quire.cli.bars import progress_bars

    with progress_bars() as bars:
        yield Bar(bars, label)


class Lines:
    """One line an event; what only repeats itself is told once a second."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._last: tuple[str, float] = ("", 0.0)

    def show(self, told: Told) -> None:
        """Write a line."""
        event, now = told.event, time.monotonic()
        message, at = self._last
        repeats = event.message == message and now - at < _REPEAT_SECONDS
        if repeats and event.type is ProgressType.INFO:
            return
        self._last = (event.message, now)
        percent = f" {event.progress:3d} %" if event.progress is not None else ""
        kind = "" if event.type is ProgressType.INFO else f" {event.type.value}:"
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stderr.write(f"{stamp} {self._label}{percent}{kind} {event.message}\n")
        sys.stderr.flush()


class Bar:
    """A bar that never runs backwards; without a figure it only shows life.

    Parameters
    ----------
    measured
        Whether the time that is left may be told from how fast events come.
    """

    def __init__(
        self, progress: "Progress", label: str, *, measured: bool = True
    ) -> None:
        self._progress = progress
        self._task: TaskID = progress.add_task(label, total=None, message="")
        self._highest = 0
        if not measured:
            progress.update(self._task, ends=None)

    def expect(self, operation: Mapping[str, Any]) -> None:
        """Take from an operation's JSON since when it goes on, and until when."""
        task = self._progress.tasks[self._progress.task_ids.index(self._task)]
        started = operation["started"] or time.time()
        before = time.time() - started - (task.elapsed or 0.0)
        self._progress.update(
            self._task, ends=operation["ends"], before=max(0.0, before)
        )

    def show(self, told: Told) -> None:
        """Move the bar; errors stay above it."""
        event = told.event
        self._highest = max(self._highest, event.progress or 0)
        values: dict[str, Any] = {"message": event.message}
        if event.type is ProgressType.COMPLETE:
            self._highest = _WHOLE
        if self._highest:
            values |= {"total": _WHOLE, "completed": self._highest}
        if event.type in (ProgressType.ERROR, ProgressType.FAILED):
            from rich.text import Text

            values["failed"] = True
            self._progress.console.print(Text(event.message, style="red"))
        self._progress.update(self._task, refresh=told.final, **values)
        if told.final:
            self._progress.stop_task(self._task)
