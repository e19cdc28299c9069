"""One attempt, without engine and server."""

import errno
from pathlib import Path

from quire.engines.attempt import run_attempt
from quire.jobs.job import (
    Assignment,
    Completed,
    Failed,
    JobResult,
    Outcome,
    Standing,
)
from quire.ports.kind import JobContext
from quire.progress.event import ProgressEvent
from quire.testing.hostile_kinds import HostileKind


class Line:
    """A line that notes what lies in the data folder when a verdict is told."""

    def __init__(self, data_folder: Path, kind: str) -> None:
        self._data_folder = data_folder
        self._kind = kind
        self.outcome: Outcome | None = None
        self.left: list[str] = []

    def claim(self) -> Assignment:
        return Assignment(
            job="j",
            attempt=1,
            kind=self._kind,
            owner="tester",
            parameters={},
            runs=(),
            folder=str(self._data_folder / "jobs/j/1"),
            data_folder=str(self._data_folder),
        )

    def beat(self) -> None:
        pass

    def tell(self, event: ProgressEvent, standing: Standing | None = None) -> None:
        pass

    def deliver(self, result: JobResult) -> None:
        pass

    def finish(self, outcome: Outcome) -> None:
        self.outcome = outcome
        found = self._data_folder.rglob("*")
        self.left = sorted(path.name for path in found if path.is_file())


def fill(context: JobContext) -> Outcome:
    """Deliver a file, then run out of space."""
    path = context.folder / "done.txt"
    path.write_text("42")
    relative = path.relative_to(context.assignment.data_folder)
    context.deliver(
        JobResult(id="done", path=str(relative), size=2, mime_type="text/plain")
    )
    (context.folder / "half.part").write_bytes(b"x" * 1000)
    raise OSError(errno.ENOSPC, "No space left on device")


def leave(context: JobContext) -> Outcome:
    """Leave a file, and end well."""
    (context.folder / "view.txt").write_text("42")
    return Completed()


def test_what_has_filled_a_disk_is_gone_before_that_is_told(tmp_path: Path) -> None:
    line = Line(tmp_path, "fill")
    run_attempt(line, {"fill": HostileKind("fill", fill)})
    assert isinstance(line.outcome, Failed)
    assert line.outcome.error.code == "disk_full"
    assert line.left == ["done.txt"]


def test_what_work_that_ends_well_leaves_is_there(tmp_path: Path) -> None:
    line = Line(tmp_path, "leave")
    run_attempt(line, {"leave": HostileKind("leave", leave)})
    assert isinstance(line.outcome, Completed)
    assert line.left == ["view.txt"]
