"""One attempt, from its claim to its verdict, whatever line leads to the server."""

import contextlib
import errno
import os
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from quire.actions.attempt_folders import clear_folder, make_folder
from quire.engines.beating import Beater
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

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Capture = Callable[[Path, Path], contextlib.AbstractContextManager[Log]]


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
        self._delivered: set[Path] = set()
        if assignment.attempt > 1:
            self.folder  # noqa: B018  # made now: the last attempt may have died early
        self._lost = threading.Event()

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
        self._delivered.add(Path(self.assignment.data_folder) / result.path)

    def discard(self) -> None:
        """Remove what failed work leaves, except its log and what it delivered.

        The server would do so behind the verdict; but what has filled the disk leaves
        no room to write that down.
        """
        clear_folder(Path(self.assignment.folder), kept=self._delivered)

    def beat(self) -> None:
        """Say that the runner lives, unless the line is cut."""
        # Whoever writes to it next notices that.
        with (
            contextlib.suppress(AttemptLost, OSError, EOFError, RuntimeError),
            self._noticing_loss(),
        ):
            self._link.beat()

    def look(self) -> None:
        """Have what the work has printed seen."""
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
    beater: Beater | None = None,
) -> None:
    """Run one attempt from its claim to its verdict.

    Parameters
    ----------
    beat_seconds
        Time between two signs of life.
    capture
        Sends what the work prints to the attempt's folder, given that and the data
        folder; nowhere if None.
    beater
        What says that the runner lives, kept from one attempt to the next; one of its
        own if None.
    """
    if beater is None:
        with contextlib.closing(Beater()) as own:
            _run(link, kinds, beat_seconds, capture, own)
    else:
        _run(link, kinds, beat_seconds, capture, beater)


def _run(
    link: AttemptLink,
    kinds: Mapping[str, Kind],
    beat_seconds: float,
    capture: Capture | None,
    beater: Beater,
) -> None:
    with contextlib.suppress(AttemptLost):
        assignment = link.claim()
        folders = Path(assignment.folder), Path(assignment.data_folder)
        with capture(*folders) if capture else contextlib.nullcontext() as log:
            context = Context(link, assignment, log)
            with beater.beating(context, beat_seconds):
                outcome = _outcome(kinds, context)
                if isinstance(outcome, Failed):
                    context.discard()
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
    except OSError as problem:
        return _refused_by_disk(problem) or _stumbled(problem)
    except (Exception, SystemExit) as problem:  # noqa: BLE001  # whatever the work does
        return _stumbled(problem)


def _refused_by_disk(problem: OSError) -> Outcome | None:
    """Return the outcome of work for which there is no space; None if that is not it."""
    if problem.errno not in _NO_SPACE:
        return None
    error = JobError(
        type="transient",
        code="disk_full",
        message=f"{os.strerror(problem.errno)} (make room on the disk of the data "
        "folder, then retry)",
        detail=traceback.format_exc(),
    )
    return Failed(error=error)


def _stumbled(problem: BaseException) -> Outcome:
    message = f"{type(problem).__name__}: {problem}"
    return _failed("internal_error", message, detail=traceback.format_exc())


def _failed(code: str, message: str, *, detail: str = "") -> Failed:
    error = JobError(type="fatal", code=code, message=message, detail=detail)
    return Failed(error=error)
