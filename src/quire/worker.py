"""The runner: the program that does the attempts of jobs, one at a time.

The embedded engine starts it as ``python -m quire.worker`` once a slot; it then
supervises a warm worker that runs attempts.
"""

import argparse
import contextlib
import functools
import importlib
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from quire.actions.attempt_folders import LOG_NAME
from quire.engines.embedded.supervisor import Supervisor
from quire.errors import AttemptLost, QuireError
from quire.jobs.job import Assignment, Failed, JobError, JobResult, Outcome
from quire.ports.attempt_link import AttemptLink
from quire.ports.kind import Kind
from quire.progress.event import info

Capture = Callable[[Path], contextlib.AbstractContextManager[None]]


class Context:
    """`quire.ports.kind.JobContext` over the line to the server."""

    def __init__(self, link: AttemptLink, assignment: Assignment) -> None:
        self.assignment = assignment
        self.folder = Path(assignment.folder)
        self._link = link
        self._lost = threading.Event()
        self._ended = threading.Event()

    def tell(self, message: str, progress: int | None = None) -> None:
        """Send an `info` progress event (percent, 1 to 100)."""
        with self._noticing_loss():
            self._link.tell(info(message, progress))

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
            while not self._ended.wait(seconds):
                with self._noticing_loss():
                    self._link.beat()

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
        Sends what the work prints to the attempt's folder; nowhere if None.
    """
    capture = capture or _capture_nothing
    with contextlib.suppress(AttemptLost):
        assignment = link.claim()
        context = Context(link, assignment)
        with context.beating(beat_seconds), capture(context.folder):
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


@contextlib.contextmanager
def capture_output(folder: Path) -> Iterator[None]:
    """Send the process's output to the attempt's log; no log if it said nothing."""
    path = folder / LOG_NAME
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    kept = {number: os.dup(number) for number in (1, 2)}
    _flush()
    for number in kept:
        os.dup2(log, number)
    try:
        yield
    finally:
        _flush()
        for number, descriptor in kept.items():
            os.dup2(descriptor, number)
            os.close(descriptor)
        if os.fstat(log).st_size == 0:
            path.unlink(missing_ok=True)
        os.close(log)


def _flush() -> None:
    # What cannot be written, as on a full disk, is not worth the attempt.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()


@contextlib.contextmanager
def _capture_nothing(_: Path) -> Iterator[None]:
    yield


def main(arguments: Sequence[str] | None = None) -> None:
    """Supervise one slot of the embedded engine until its server has gone."""
    parser = argparse.ArgumentParser(prog="python -m quire.worker")
    parser.add_argument("--control", type=int, required=True, help="socket, by number")
    parser.add_argument("--kinds", default="quire.kinds.registry:built_in")
    parser.add_argument("--memory", type=int, default=0, help="bytes a worker, 0: any")
    parser.add_argument("--beat", type=float, default=1.5, help="seconds")
    options = parser.parse_args(arguments)
    # One worker is killed for what another one started: none may hold this.
    os.set_inheritable(options.control, False)  # noqa: FBT003  # os's own signature
    module, _, factory = options.kinds.partition(":")
    kinds: Mapping[str, Kind] = getattr(importlib.import_module(module), factory)()
    runner = functools.partial(
        run_attempt, kinds=kinds, beat_seconds=options.beat, capture=capture_output
    )
    Supervisor(
        socket.socket(fileno=options.control), runner, memory_bytes=options.memory
    ).run()


if __name__ == "__main__":
    main()
