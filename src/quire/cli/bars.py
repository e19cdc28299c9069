"""The bar: spinner, label, percent, elapsed, and remaining where a rate is known."""

import time

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
)
from rich.progress_bar import ProgressBar
from rich.text import Text


class _Percent(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.percentage:3.0f} %")


class _Times(ProgressColumn):
    def render(self, task: Task) -> Text:
        elapsed = task.finished_time if task.finished else task.elapsed
        words = _clock((elapsed or 0.0) + task.fields.get("before", 0.0))
        left = _left(task)
        return Text(f"{words}, {_clock(left)} left" if left else words)


def _left(task: Task) -> float:
    """Return the seconds that are left, 0 where nobody knows."""
    if task.finished or task.fields.get("failed"):
        return 0.0
    if "ends" not in task.fields:
        return task.time_remaining or 0.0
    # What was told at once when watching began is no measure of speed.
    ends: float | None = task.fields["ends"]
    return max(0.0, ends - time.time()) if ends else 0.0


class _Bar(BarColumn):
    def render(self, task: Task) -> ProgressBar:
        bar = super().render(task)
        if task.fields.get("failed"):
            bar.complete_style = bar.finished_style = "red"
        return bar


class _Label(ProgressColumn):
    def render(self, task: Task) -> RenderableType:
        return Text(task.description)


def progress_bars(console: Console | None = None) -> Progress:
    """Return a display of bars on stderr."""
    return Progress(
        SpinnerColumn(),
        _Label(),
        _Bar(),
        _Percent(),
        _Times(),
        TextColumn("{task.fields[message]}", markup=False),
        console=console or Console(stderr=True),
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
