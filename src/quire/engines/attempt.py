"""One attempt, from its claim to its verdict, whatever line leads to the server."""

import contextlib
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from quire.actions.attempt_folders import make_folder
from quire.engines.embedded.output import Log
from quire.errors import AttemptLost, QuireError
from quire.jobs.job import (
    Assignment,
    Failed,
    JobError,
    JobResult,
    Outcome,
    Standing,
)
from quire.ports.attempt_link import AttemptLink
from quire.ports.kind import Kind
from quire.progress.event import info

Capture = Callable[[Path, Path], contextlib.AbstractContextManager[Log]]
# Seconds until what the work has printed can be read: at its beginning, and later on.
_SAID, _LOOK = 0.05, 0.25


class Context:
    """`quire.ports.kind.JobContext` over the line to the server.

    Parameters
    ----------
    log
        Where it is kept what the work prints; nowhere if None.
    """

    def __init__(
        self, link: AttemptLink, assignment: Assignment, log: Log | None = None
    ) -> None:
        self.assignment = assignment
        self._link = link
        self._log = log
        self._made = False
        if assignment.attempt > 1:
            self.folder  # noqa: B018  # made now: the last attempt may have died early
        self._lost = threading.Event()
        self._ended = threading.Event()

    @property
    def folder(self) -> Path:
        """The attempt's own folder, made when it is first asked for."""
        folder = Path(self.assignment.folder)
        if self._log is not None:
            self._log.appear()
        elif not self._made:
            make_folder(folder)
        self._made = True
        return folder

    def tell(
        self,
        message: str,
        progress: int | None = None,
        *,
        standing: Standing | None = None,
    ) -> None:
        """Send an `info` progress event (percent, 1 to 100)."""
        with self._noticing_loss():
            self._link.tell(info(message, progress), standing)

    def cancelled(self) -> bool:
        """Return whether the work should stop."""
        return self._lost.is_set()

    def deliver(self, result: JobResult) -> None:
        """Make a finished file known while the work goes on."""
        with self._noticing_loss():
            self._link.deliver(result)

    @contextlib.contextmanager
    def beating(self, seconds: float) -> Iterator[None]:
        """Say every so often that the runner lives."""
        thread = threading.Thread(target=self._beat, args=(seconds,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _beat(self, seconds: float) -> None:
        # A line that is cut is noticed by whoever writes to it next.
        with contextlib.suppress(AttemptLost, OSError, EOFError, RuntimeError):
            beaten, pause = time.monotonic(), _SAID
            while not self._ended.wait(min(pause, seconds)):
                pause = _LOOK
                self._show_log()
                if time.monotonic() - beaten >= seconds - _SAID:
                    beaten = time.monotonic()
                    with self._noticing_loss():
                        self._link.beat()

    def _show_log(self) -> None:
        # A disk that takes no folder now is no reason to fall silent.
        with contextlib.suppress(OSError):
            if self._log is not None:
                self._log.appear_if_said()

    @contextlib.contextmanager
    def _noticing_loss(self) -> Iterator[None]:
        try:
            yield
        except AttemptLost:
            self._lost.set()
            raise


def run_attempt(
    link: AttemptLink,
    kinds: Mapping[str, Kind],
    *,
    beat_seconds: float = 1.5,
    capture: Capture | None = None,
) -> None:
    """Run one attempt from its claim to its verdict.

    Parameters
    ----------
    beat_seconds
        Time between two signs of life.
    capture
        Sends what the work prints to the attempt's folder, given that and the data
        folder; nowhere if None.
    """
    with contextlib.suppress(AttemptLost):
        assignment = link.claim()
        folders = Path(assignment.folder), Path(assignment.data_folder)
        with capture(*folders) if capture else contextlib.nullcontext() as log:
            context = Context(link, assignment, log)
            with context.beating(beat_seconds):
                outcome = _outcome(kinds, context)
        link.finish(outcome)


def _outcome(kinds: Mapping[str, Kind], context: Context) -> Outcome:
    name = context.assignment.kind
    try:
        if name not in kinds:
            return _failed("unknown_kind", f"this server knows no kind {name!r}")
        return kinds[name].work(context)
    except AttemptLost:
        raise
    except QuireError as problem:
        return _failed(problem.code, str(problem))
    except MemoryError:
        return _failed("out_of_memory", "the work needs more memory than it may have")
    except (Exception, SystemExit) as problem:  # noqa: BLE001  # whatever the work does
        return _failed(
            "internal_error",
            f"{type(problem).__name__}: {problem}",
            detail=traceback.format_exc(),
        )


def _failed(code: str, message: str, *, detail: str = "") -> Failed:
    error = JobError(type="fatal", code=code, message=message, detail=detail)
    return Failed(error=error)
