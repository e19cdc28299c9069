"""The bar: spinner, label, percent, elapsed, and remaining where a rate is known."""

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
        words = _clock(elapsed or 0.0)
        if task.time_remaining and not task.finished:
            words += f", {_clock(task.time_remaining)} left"
        return Text(words)


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
