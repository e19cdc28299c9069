"""What a site adds to projections: its functions and its own projections."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from quire.actions.calculating.registry import every_function
from quire.actions.calculating.remote import ConfinedCalculator
from quire.actions.leaving import External
from quire.errors import InputError
from quire.products.projection.calculating import Calculator
from quire.products.projection.entries import Projection, read_projection
from quire.products.projection.functions import Function
from quire.products.projection.readymade import NAMES


class ProjectingSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The table ``[projecting]``.

    Attributes
    ----------
    functions
        Where functions come from beside installed packages: ``module:callable`` each,
        called without arguments, returning a
        `quire.products.projection.functions.Function` or several.
    projections
        JSON files, each with one projection as event-model 1.24 has it; relative to
        the data folder.
    unconfined
        Whether functions are called also where nothing can confine them.
    external
        What becomes of data in files where a job does not say.
    """

    functions: tuple[str, ...] = ()
    projections: tuple[str, ...] = ()
    unconfined: bool = False
    external: External = External.COPY


@dataclass(frozen=True, kw_only=True)
class Site:
    """What projections are made with.

    Attributes
    ----------
    functions
        By name.
    projections
        The configured ones, by name.
    calculator
        Makes what calls the functions, for one attempt.
    external
        What becomes of data in files where a job does not say.
    """

    functions: Mapping[str, Function] = field(default_factory=every_function)
    projections: Mapping[str, Projection] = field(default_factory=dict)
    calculator: Callable[[Mapping[str, Function]], Calculator] = ConfinedCalculator
    external: External = External.COPY


def site(table: Mapping[str, Any], data_folder: Path) -> Site:
    """Return what a table ``[projecting]`` says.

    Raises
    ------
    InputError
        It cannot be used; says what of it and why.
    """
    try:
        settings = msgspec.convert(table, ProjectingSettings)
    except msgspec.ValidationError as error:
        raise InputError("projecting", str(error)) from None
    calculator = functools.partial(
        ConfinedCalculator,
        places=settings.functions,
        trusting=settings.unconfined,
    )
    return Site(
        functions=every_function(settings.functions),
        projections=_projections(settings.projections, data_folder),
        calculator=calculator,
        external=settings.external,
    )


def _projections(files: tuple[str, ...], folder: Path) -> dict[str, Projection]:
    found: dict[str, Projection] = {}
    for name in files:
        place = f"projecting.projections: {name}"
        one = _read(folder / name, place)
        if not one.name:
            raise InputError(place, "has no name", 'give it one: "name": "..."')
        if one.name in found or one.name in NAMES:
            mend = "rename one"
            raise InputError(place, f"{one.name!r:.80} is the name of two", mend)
        wrong = [
            f"{entry.key}: {entry.problem}" for entry in one.entries if entry.problem
        ]
        if wrong or not one.entries:
            reason = "; ".join(wrong)[:500] or "it has no entries"
            raise InputError(place, reason, "mend its member projection")
        found[one.name] = one
    return found


def _read(path: Path, place: str) -> Projection:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(place, f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(place, f"is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(place, "is no JSON object", "one projection a file")
    name = content.get("name")
    return read_projection(content, name if isinstance(name, str) else "")
