"""The runner on other machines: does attempts that a scheduler has started there.

``python -m quire.runner`` does one attempt (`quire.engines.launching.runner_command`);
with ``--control`` it stays warm and does those that it is handed over a socket
(`quire.engines.warm_runners`). It speaks HTTP to the server, and never opens its store.
"""

import argparse
import functools
import importlib
import json
import os
import socket
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from quire.engines.attempt import run_attempt
from quire.engines.embedded.output import Output
from quire.engines.fork_server import ForkServer
from quire.engines.launching import TOKEN_VARIABLE
from quire.jobs.job import Assignment
from quire.kinds.project import ProjectKind
from quire.ports.attempt_link import AttemptLink
from quire.ports.kind import Kind
from quire.ports.launcher import RunnerOrder

if TYPE_CHECKING:
    from quire.ports.run_reader import RunReader

_USAGE = 2
_PROGRAM = "python -m quire.runner"


def run_order(
    link: AttemptLink, order: RunnerOrder, *, kinds: Mapping[str, Kind]
) -> None:
    """Run the attempt of an order, in a process of its own."""
    known = dict(kinds)
    project = known.get(ProjectKind.name)
    if isinstance(project, ProjectKind):
        reader = functools.partial(_run_reader, order)
        known[project.name] = project.reading(reader)
    folder = order.scratch or order.data_folder
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    run_attempt(link, known, beat_seconds=order.beat, capture=Output().captured)


def _run_reader(order: RunnerOrder, assignment: Assignment, uid: str) -> "RunReader":
    """Return what reads a run of the attempt's job: its column files, else the server.

    The token of an attempt admits to the runs of its job.
    """
    from quire.client.connection import Connection
    from quire.client.run_reader import RunOverHttp
    from quire.storage.parquet.files import ParquetFiles

    files = None if order.scratch else ParquetFiles(Path(assignment.data_folder))
    return RunOverHttp(Connection(order.url, order.token), uid, files)


def _kinds(where: str, tables: str) -> dict[str, Kind]:
    module, _, factory = where.partition(":")
    make = getattr(importlib.import_module(module), factory)
    return dict(make(*([json.loads(tables)] if tables else [])))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_PROGRAM)
    parser.add_argument("--control", type=int, help="socket to take orders from")
    parser.add_argument("--url", default="", help="of the server")
    parser.add_argument(
        "--other", action="append", default=[], help="of one more on the same store"
    )
    parser.add_argument(
        "--token-file", default="", help=f"- for stdin; else {TOKEN_VARIABLE}"
    )
    parser.add_argument("--job", default="")
    parser.add_argument("--attempt", type=int, default=0)
    parser.add_argument("--kind", default="")
    parser.add_argument("--deadline", type=float, default=0.0, help="seconds")
    parser.add_argument("--memory", type=int, default=0, help="bytes")
    parser.add_argument("--cpu-seconds", type=float, default=0.0)
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--data-folder", default="", help="as this machine sees it")
    parser.add_argument("--address-file", default="", help="names the server anew")
    parser.add_argument("--scratch", default="", help="folder to work in")
    parser.add_argument("--kinds", default="quire.kinds.registry:built_in")
    parser.add_argument("--tables", default="", help="for the kinds, as JSON")
    parser.add_argument("--beat", type=float, default=1.5, help="seconds")
    return parser


def read_arguments(
    arguments: Sequence[str] | None, environment: MutableMapping[str, str]
) -> tuple[RunnerOrder, int | None]:
    """Return the order that a command gives, and the number of the socket for others.

    The token is taken out of the environment, so that what the work starts has it not.
    """
    given = vars(_parser().parse_args(arguments))
    control, file = given.pop("control"), given.pop("token_file")
    given["others"] = tuple(given.pop("other"))
    token = environment.pop(TOKEN_VARIABLE, "")
    if file:
        token = (sys.stdin.read() if file == "-" else Path(file).read_text()).strip()
    return RunnerOrder(token=token, **given), control


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one attempt, or those that come over a socket; return the exit code."""
    order, control = read_arguments(arguments, os.environ)
    if control is None and not all((order.token, order.url, order.job, order.attempt)):
        wanted = f"--url, --job, --attempt, and --token-file or {TOKEN_VARIABLE}"
        sys.stderr.write(f"{_PROGRAM}: give {wanted}\n")
        return _USAGE
    kinds = _kinds(order.kinds, order.tables)
    server = ForkServer(functools.partial(run_order, kinds=kinds))
    if control is None:
        server.run(order)
    else:
        os.set_inheritable(control, False)  # noqa: FBT003  # os's own signature
        server.serve(socket.socket(fileno=control))
    return 0


if __name__ == "__main__":
    sys.exit(main())
