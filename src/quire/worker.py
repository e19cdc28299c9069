"""The runner: the program that does the attempts of jobs, one at a time.

The embedded engine starts it as ``python -m quire.worker`` once a slot; it then
supervises a warm worker that runs attempts.
"""

import argparse
import contextlib
import functools
import importlib
import json
import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from quire import server_file
from quire.actions.attempt_folders import make_folder
from quire.engines.embedded.output import Log, Output
from quire.engines.embedded.supervisor import Supervisor
from quire.errors import AttemptLost, QuireError, StoreUnavailable
from quire.jobs.job import (
    Assignment,
    Failed,
    JobError,
    JobResult,
    Outcome,
    Standing,
)
from quire.kinds.project import ProjectKind
from quire.ports.attempt_link import AttemptLink
from quire.ports.kind import Kind
from quire.ports.run_reader import RunReader
from quire.progress.event import info

if TYPE_CHECKING:
    from quire.client.connection import Connection

# Seconds until the server of an attempt is given up, and between two looks for it.
_SERVER_SECONDS = 10.0
_LOOK_SECONDS = 0.02
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


class RunReaders:
    """Opens runs for attempts, and keeps its line to the server between them."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], Connection] = {}

    def __call__(self, assignment: Assignment, uid: str) -> RunReader:
        """Return what reads a run: its column files, else the server.

        Whether the job's owner may see the run was settled when the job was made.

        Raises
        ------
        StoreUnavailable
            The server does not answer yet.
        """
        # Loaded by the first attempt that reads a run, and kept by the warm worker.
        from quire.client.connection import Connection
        from quire.client.run_reader import RunOverHttp
        from quire.storage.parquet.files import ParquetFiles

        folder = Path(assignment.data_folder)
        record = _server_of(folder)
        where = record.url, record.token
        if where not in self._lines:
            self._lines = {where: Connection(*where)}
        return RunOverHttp(self._lines[where], uid, ParquetFiles(folder))


def _server_of(folder: Path) -> server_file.ServerRecord:
    deadline = time.monotonic() + _SERVER_SECONDS
    # Attempts begin a moment before their server listens.
    while (record := server_file.live(folder / server_file.NAME)) is None:
        if time.monotonic() > deadline:
            raise StoreUnavailable("the server of the data folder does not answer")
        time.sleep(_LOOK_SECONDS)
    return record


def main(arguments: Sequence[str] | None = None) -> None:
    """Supervise one slot of the embedded engine until its server has gone."""
    parser = argparse.ArgumentParser(prog="python -m quire.worker")
    parser.add_argument("--control", type=int, required=True, help="socket, by number")
    parser.add_argument("--kinds", default="quire.kinds.registry:built_in")
    parser.add_argument("--commands", default="", help="for the kinds, as JSON")
    parser.add_argument("--memory", type=int, default=0, help="bytes a worker, 0: any")
    parser.add_argument("--beat", type=float, default=1.5, help="seconds")
    options = parser.parse_args(arguments)
    # One worker is killed for what another one started: none may hold this.
    os.set_inheritable(options.control, False)  # noqa: FBT003  # os's own signature
    module, _, factory = options.kinds.partition(":")
    make = getattr(importlib.import_module(module), factory)
    given = [json.loads(options.commands)] if options.commands else []
    kinds: dict[str, Kind] = dict(make(*given))
    if ProjectKind.name in kinds:
        kinds[ProjectKind.name] = ProjectKind(RunReaders())
    runner = functools.partial(
        run_attempt, kinds=kinds, beat_seconds=options.beat, capture=Output().captured
    )
    Supervisor(
        socket.socket(fileno=options.control), runner, memory_bytes=options.memory
    ).run()


if __name__ == "__main__":
    main()
