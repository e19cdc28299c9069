"""The kinds of job that a server has: ours, other packages' and the configured."""

import os
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path, PurePath
from typing import Any

import msgspec

from quire.actions.projecting import Site
from quire.errors import InputError
from quire.jobs.parameters import Parameter, read_parameters
from quire.jobs.templates import check_template
from quire.kinds.command import Command, CommandKind, CommandResult
from quire.kinds.merge import MergeKind
from quire.kinds.project import ProjectKind
from quire.kinds.wait import WaitKind
from quire.ports.kind import Kind

GROUP = "quire.kinds"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_PARAMETER = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
# What UWS and DALI say with fields of the same form.
_TAKEN = frozenset(
    {"PHASE", "RUNID", "ACTION", "EXECUTIONDURATION", "DESTRUCTION", "UPLOAD", "WAIT"}
)


def built_in(projecting: Site | None = None) -> dict[str, Kind]:
    """Return our own kinds by name."""
    kinds: tuple[Kind, ...] = (MergeKind(), ProjectKind(site=projecting), WaitKind())
    return {kind.name: kind for kind in kinds}


def every_kind(
    commands: Mapping[str, Any] | None = None, projecting: Site | None = None
) -> dict[str, Kind]:
    """Return all kinds by name.

    Parameters
    ----------
    commands
        The tables ``[commands.NAME]`` of the settings.
    projecting
        What the site adds to projections.

    Raises
    ------
    InputError
        A plug-in or a table cannot be used; says which and why.
    """
    kinds = built_in(projecting)
    added = [
        *_plugged_in(entry_points(group=GROUP)),
        *(_configured(name, table) for name, table in (commands or {}).items()),
    ]
    for kind in added:
        if kind.name in kinds:
            raise InputError(kind.name, "is the name of two kinds", "rename one")
        kinds[kind.name] = kind
    return kinds


def _plugged_in(points: Iterable[EntryPoint]) -> Iterable[Kind]:
    """Yield the kinds of other packages: what an entry point names makes one."""
    for point in points:
        place = f"entry point {point.name} of {GROUP}"
        try:
            kind: Any = point.load()()
            usable = callable(kind.plan) and callable(kind.work)
            if not (usable and isinstance(kind.description, str)):
                raise TypeError(f"{kind!r:.80} is no quire.ports.kind.Kind")
            parameters = tuple(kind.parameters)
        except Exception as problem:  # noqa: BLE001  # whatever the package does
            reason = f"{type(problem).__name__}: {problem}"
            raise InputError(place, reason, "mend it, or remove its package") from None
        _check_name(place, kind.name)
        for one in parameters:
            _check_parameter(place, one)
        yield kind


def _configured(name: str, table: Any) -> Kind:
    place = f"commands.{name}"
    try:
        command = msgspec.convert(table, Command)
    except msgspec.ValidationError as error:
        raise InputError(place, str(error)) from None
    _check_name(place, name)
    program = Path(command.program)
    if not (program.is_absolute() and os.access(program, os.X_OK)):
        reason = f"{command.program!r} is no executable file"
        raise InputError(f"{place}.program", reason, "give its absolute path")
    for one in command.parameters:
        _check_parameter(place, one)
    names = [one.name for one in command.parameters]
    if len(set(names)) < len(names):
        raise InputError(f"{place}.parameters", "one name twice", "rename one")
    for result in command.results:
        _check_result(f"{place}.results", result)
    try:
        check_template(command.arguments, command.parameters)
    except InputError as error:
        field = f"{place}.{error.field}"
        raise InputError(field, error.reason, error.mend) from None
    return CommandKind(name, command)


def _check_name(place: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        mend = "a small letter, then small letters, digits, - or _"
        raise InputError(place, f"{name!r:.80} is no name of a kind", mend)


def _check_parameter(place: str, parameter: Parameter) -> None:
    name = parameter.name
    if not _PARAMETER.fullmatch(name):
        mend = "capitals, digits and _, beginning with a capital"
        raise InputError(place, f"{name!r:.80} is no name of a parameter", mend)
    if name in _TAKEN:
        raise InputError(place, f"{name} means something else in UWS", "rename it")
    if parameter.default is not None:
        free = msgspec.structs.replace(parameter, required=False)
        read_parameters([free], {name: parameter.default}, at=f"{place}, default of ")


def _check_result(place: str, result: CommandResult) -> None:
    path = PurePath(result.file)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        mend = "a path from the folder that the program is started in"
        raise InputError(place, f"{result.file!r:.80} leads out of it", mend)
    if not result.id or "/" in result.id:
        raise InputError(place, f"{result.id!r:.80} is no id", "no slashes")
