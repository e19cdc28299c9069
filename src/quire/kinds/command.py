"""Kinds by configuration: ``[commands.NAME]`` of ``quire.toml`` runs one program.

The program and the template of its arguments are the facility's; a client gives values
only, each of which ends in the arguments where the template has it, and in nothing
else: no shell reads them.
"""

import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from quire.jobs.job import Completed, Failed, JobError, JobResult, Outcome
from quire.jobs.parameters import Parameter, read_parameters
from quire.jobs.templates import Template, check_values, fill
from quire.ports.kind import JobContext, Plan

# sysexits.h: "temporary failure, user is invited to retry".
_TRY_AGAIN = 75
# Seconds between two looks whether to stop.
_LOOK = 0.05
_PATIENCE = 2.0
_SHOWN_OF_LOG = 4000
_CHUNK = 1024 * 1024
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH")


class CommandParameter(
    Parameter, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """As `quire.jobs.parameters.Parameter`; nothing else is written in its table."""


class CommandResult(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A file that the program leaves in the folder that it is started in.

    Attributes
    ----------
    file
        Its path from there.
    required
        Whether the job has failed without it.
    """

    id: str
    file: str
    mime_type: str = "application/octet-stream"
    required: bool = True


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table ``[commands.NAME]``.

    Attributes
    ----------
    program
        Absolute path of the executable.
    arguments
        Template of its arguments; see `quire.jobs.templates`.
    environment
        Variables beside the few that are passed on.
    transient
        Exit codes after which it is worth trying again.
    """

    program: str
    description: str = ""
    arguments: Template = ()
    parameters: tuple[CommandParameter, ...] = ()
    results: tuple[CommandResult, ...] = ()
    environment: dict[str, str] = {}
    transient: tuple[int, ...] = (_TRY_AGAIN,)


class CommandKind:
    """Runs a configured program."""

    def __init__(self, name: str, command: Command) -> None:
        self.name = name
        self.description = command.description or f"Runs {Path(command.program).name}."
        self.parameters: tuple[Parameter, ...] = command.parameters
        self._command = command

    def plan(self, parameters: Mapping[str, Any]) -> Plan:
        """Read the parameters that a client sent.

        Raises
        ------
        InputError
            A name is unknown, or a value cannot be used or given as an argument.
        """
        values = read_parameters(self.parameters, parameters)
        check_values(self._command.arguments, values)
        return Plan(parameters=values)

    def work(self, context: JobContext) -> Outcome:
        """Run the program to its end, its output going to the attempt's log."""
        command, assignment = self._command, context.assignment
        arguments = fill(
            command.arguments,
            assignment.parameters,
            {
                "folder": str(context.folder),
                "job": assignment.job,
                "attempt": str(assignment.attempt),
            },
            data_folder=assignment.data_folder,
        )
        context.tell(f"Running {Path(command.program).name}")
        try:
            code = _run(command, arguments, context)
        except OSError as problem:
            return _failed("fatal", "no_such_program", f"it cannot be run: {problem}")
        if code:
            kind: Literal["transient", "fatal"] = (
                "transient" if code in command.transient else "fatal"
            )
            name = Path(command.program).name
            message = f"{name} ended with {_ending(code)}"
            return _failed(kind, "command_failed", message, detail=_tail(context))
        return self._completed(context)

    def _completed(self, context: JobContext) -> Outcome:
        found: list[JobResult] = []
        for result in self._command.results:
            path = context.folder / result.file
            if path.is_symlink() or not path.is_file():
                if not result.required:
                    continue
                message = f"the program left no file {result.file!r}"
                return _failed("fatal", "no_result", message, detail=_tail(context))
            found.append(_result(result, path, Path(context.assignment.data_folder)))
        return Completed(results=tuple(found))


def _run(command: Command, arguments: Sequence[str], context: JobContext) -> int:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    own = {"HOME": str(context.folder), "TMPDIR": str(context.folder)}
    process = subprocess.Popen(  # noqa: S603  # only what the configuration allows
        [command.program, *arguments],
        cwd=context.folder,
        stdin=subprocess.DEVNULL,
        env={**passed_on, **own, **command.environment},
    )
    with process:
        while True:
            try:
                return process.wait(_LOOK)
            except subprocess.TimeoutExpired:
                if context.cancelled():
                    _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def _ending(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {-code}"


def _result(result: CommandResult, path: Path, data_folder: Path) -> JobResult:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
        os.fsync(stream.fileno())
    return JobResult(
        id=result.id,
        path=str(path.relative_to(data_folder)),
        size=path.stat().st_size,
        mime_type=result.mime_type,
        sha256=digest.hexdigest(),
    )


def _tail(context: JobContext) -> str:
    try:
        text = (context.folder / "log.txt").read_text(errors="replace")
    except OSError:
        return ""
    return text[-_SHOWN_OF_LOG:]


def _failed(
    kind: Literal["transient", "fatal"], code: str, message: str, *, detail: str = ""
) -> Failed:
    return Failed(error=JobError(type=kind, code=code, message=message, detail=detail))
