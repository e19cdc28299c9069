"""Progress of operations on stderr: bars in a terminal, else a line an event."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import msgspec
from httpx_sse import SSEError, connect_sse
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

from quire.demo.server import Server

# The server sends a keepalive every 15 s; three missed ones mean a dead connection.
SILENCE_SECONDS = 45.0
RECONNECT_SECONDS = 0.5
LINE_SECONDS = 0.5  # between two lines of one operation, where there is no terminal
FINAL = frozenset({"complete", "failed"})


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One progress event, as listeners get it (percent, 1 to 100)."""

    type: str
    message: str
    progress: int | None = None


def follow(server: Server, operation: str, gone: threading.Event) -> Iterator[Said]:
    """Yield an operation's progress events up to the final one, or until `gone`.

    A lost connection is taken up again after the last event received.
    """
    last = ""
    while not gone.is_set():
        with suppress(httpx.TransportError, SSEError), server.http() as http:
            headers = {"Last-Event-ID": last} if last else {}
            with connect_sse(
                http,
                "GET",
                f"/api/v1/operations/{operation}/events",
                headers=headers,
                timeout=httpx.Timeout(10.0, read=SILENCE_SECONDS),
            ) as source:
                if source.response.status_code == httpx.codes.NO_CONTENT:
                    return
                for event in source.iter_sse():
                    if not event.data:
                        continue  # httpx-sse#35: a keepalive may look like an event
                    last = event.id
                    told = msgspec.json.decode(event.data, type=dict[str, str | int])
                    yield _said(event.event, told)
                    if event.event in FINAL:
                        return
        gone.wait(RECONNECT_SECONDS)


def _said(kind: str, told: dict[str, str | int]) -> Said:
    progress = told.get("progress")
    return Said(
        type=kind,
        message=str(told.get("message", "")),
        progress=int(progress) if progress is not None else None,
    )


class Bars:
    """Shows what operations say; made by `shown`."""

    def __init__(self, console: Console, progress: Progress | None) -> None:
        self._console = console
        self._progress = progress

    def tell(self, line: str) -> None:
        """Print a line of the demonstration's own, above the bars."""
        self._console.print(line, highlight=False)

    def watch(self, server: Server, operation: str, label: str) -> "Watch":
        """Show an operation from now on, in a thread of its own."""
        return Watch(server, operation, _Line(self._console, self._progress, label))


class _Line:
    """One operation's bar, or its lines where there is no terminal."""

    def __init__(self, console: Console, progress: Progress | None, label: str) -> None:
        self._console = console
        self._progress = progress
        self._label = label
        self._task: TaskID | None = None
        self._printed = -LINE_SECONDS
        if progress is not None:
            self._task = progress.add_task(label, total=None, message="")

    def show(self, said: Said) -> None:
        if self._progress is None or self._task is None:
            self._print(said)
            return
        style = "red" if said.type in {"failed", "error"} else ""
        message = f"[{style}]{said.message}[/{style}]" if style else said.message
        done = 100 if said.type == "complete" else said.progress
        if done is None:
            self._progress.update(self._task, message=message)
        else:
            self._progress.update(
                self._task, message=message, total=100, completed=done
            )

    def _print(self, said: Said) -> None:
        now = time.monotonic()
        if said.type == "info" and now - self._printed < LINE_SECONDS:
            return
        self._printed = now
        percent = f"{said.progress:3d} %" if said.progress is not None else "     "
        stamp = time.strftime("%H:%M:%S")
        self._console.print(
            f"{stamp} {self._label} {percent} {said.message}",
            highlight=False,
            markup=False,
        )


class Watch:
    """An operation being followed."""

    def __init__(self, server: Server, operation: str, line: _Line) -> None:
        self._gone = threading.Event()
        self._blocked = threading.Event()
        self._last: Said | None = None
        self._thread = threading.Thread(
            target=self._run, args=(server, operation, line), daemon=True
        )
        self._thread.start()

    def _run(self, server: Server, operation: str, line: _Line) -> None:
        for said in follow(server, operation, self._gone):
            self._last = said
            line.show(said)
            if said.type == "error":
                return

    def wait(self, seconds: float) -> Said | None:
        """Return the last event once it is final or an error; None after `seconds`."""
        self._thread.join(seconds)
        last = self._last
        return last if last is not None and last.type != "info" else None

    def stop(self) -> None:
        """Follow no longer."""
        self._gone.set()


@contextmanager
def shown() -> Iterator[Bars]:
    """Give bars for as long as the context lasts."""
    console = Console(stderr=True)
    if (
        not console.is_terminal
        or os.environ.get("CI")
        or os.environ.get("TERM") == "dumb"
    ):
        yield Bars(Console(file=sys.stderr, no_color=True, width=200), None)
        return
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        Elapsed(),
        TextColumn("{task.fields[message]}"),
        console=console,
    )
    with progress:
        yield Bars(progress.console, progress)
