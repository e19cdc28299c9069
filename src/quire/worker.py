"""The runner: the program that does the attempts of jobs, one at a time.

The embedded engine starts it as ``python -m quire.worker`` once a slot; it then
supervises a warm worker that runs attempts.
"""

import argparse
import functools
import importlib
import json
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from quire import server_file
from quire.engines.attempt import run_attempt
from quire.engines.beating import Beater
from quire.engines.embedded.output import Output
from quire.engines.embedded.supervisor import Supervisor
from quire.errors import StoreUnavailable
from quire.jobs.job import Assignment
from quire.kinds.project import ProjectKind
from quire.ports.kind import Kind
from quire.ports.run_reader import RunReader

if TYPE_CHECKING:
    from quire.client.connection import Connection

# Seconds until the server of an attempt is given up, and between two looks for it.
_SERVER_SECONDS = 10.0
_LOOK_SECONDS = 0.02


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
    project = kinds.get(ProjectKind.name)
    if isinstance(project, ProjectKind):
        kinds[project.name] = project.reading(RunReaders())
    runner = functools.partial(
        run_attempt,
        kinds=kinds,
        beat_seconds=options.beat,
        capture=Output().captured,
        beater=Beater(),
    )
    Supervisor(
        socket.socket(fileno=options.control), runner, memory_bytes=options.memory
    ).run()


if __name__ == "__main__":
    main()
