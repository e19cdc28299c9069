"""The search parameters of Belle II's client (``reference/rundb.md`` section 2)."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar

import msgspec

from quire.errors import InputError
from quire.faces.rundb.days import Days
from quire.runs.query.tree import And, Compare, OneOf, Operator, Or, Tree

T = TypeVar("T")

_EXACT = 2**63 - 1
_TRUE = frozenset({"true", "1"})
_FALSE = frozenset({"false", "0"})
_PLACE = re.compile(r"(\d{1,18}):(\d{1,18})")
_DAY = timedelta(days=1)


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter, as the OpenAPI page shows it.

    Attributes
    ----------
    description
        With ``{zone}`` where the name of the zone belongs.
    """

    name: str
    type: str
    description: str
    format: str = ""
    repeated: bool = False


PARAMETERS = (
    Parameter(
        name="min_experiment", type="integer", description="Least experiment number"
    ),
    Parameter(
        name="max_experiment", type="integer", description="Greatest experiment number"
    ),
    Parameter(
        name="min_run",
        type="integer",
        description="Least run number, in whatever experiment",
    ),
    Parameter(
        name="max_run",
        type="integer",
        description="Greatest run number, in whatever experiment",
    ),
    Parameter(
        name="min_date",
        type="string",
        format="date",
        description="First day of the start, inclusive, in the zone {zone}",
    ),
    Parameter(
        name="max_date",
        type="string",
        format="date",
        description="Last day of the start, inclusive, in the zone {zone}",
    ),
    Parameter(
        name="all_detectors_running",
        type="boolean",
        description="Whether every detectors.status_* there is says RUNNING",
    ),
    Parameter(
        name="run_type",
        type="string",
        description="Any of these types",
        repeated=True,
    ),
    Parameter(
        name="expand",
        type="boolean",
        description="Whole runs instead of summaries with links",
    ),
    Parameter(
        name="from",
        type="string",
        description="First place EXPERIMENT:RUN in the order of both",
    ),
    Parameter(
        name="to",
        type="string",
        description="Last place EXPERIMENT:RUN in the order of both",
    ),
    Parameter(name="q", type="string", description="A query in Quire's own language"),
    Parameter(
        name="limit", type="integer", description="Runs a page: 100, at most 1000"
    ),
    Parameter(name="offset", type="integer", description="Runs to leave out"),
    Parameter(
        name="cursor", type="string", description="Where a page begins: from 'next'"
    ),
)
"""All that a search takes."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A search as it was asked."""

    where: Tree | None = None
    text: str = ""
    expand: bool = False
    limit: int = 100
    offset: int = 0
    cursor: str | None = None


def read(given: Sequence[tuple[str, str]], days: Days, *, largest: int) -> Asked:
    """Return what a query string asks for.

    Parameters
    ----------
    days
        What days its dates are.
    largest
        Most runs of a page.

    Raises
    ------
    InputError
        A parameter is unknown, repeated where it means one thing, or has a bad value:
        to leave a filter out would return too many runs.
    """
    values = _single(given)
    types = [text for name, text in given if name == "run_type"]
    parts = [*_numbers(values), *_dates(values, days), *_places(values)]
    running = _flag(values, "all_detectors_running")
    if running is not None:
        parts.append(
            Compare(
                field="all_detectors_running", operator=Operator.EQUAL, value=running
            )
        )
    if types:
        parts.append(OneOf(field="run_type", values=tuple(types)))
    limit = _number(values, "limit")
    offset = _number(values, "offset")
    if limit is not None and limit < 1:
        raise InputError("limit", f"{limit} is too small", "1 or more")
    if offset is not None and offset < 0:
        raise InputError("offset", f"{offset} is negative", "0 or more")
    return Asked(
        where=And(parts=tuple(parts)) if parts else None,
        text=values.get("q", ""),
        expand=bool(_flag(values, "expand")),
        limit=min(limit or 100, largest),
        offset=offset or 0,
        cursor=values.get("cursor"),
    )


def _single(given: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    known = {parameter.name: parameter for parameter in PARAMETERS}
    values: dict[str, str] = {}
    for name, text in given:
        if name not in known:
            names = ", ".join(sorted(known))
            raise InputError(name[:40], "is no parameter", f"one of {names}")
        if name in values and not known[name].repeated:
            raise InputError(name, "is given twice", "give it once")
        values[name] = text
    return values


def _numbers(values: Mapping[str, str]) -> list[Tree]:
    wanted = {
        "min_experiment": ("experiment", Operator.GREATER_OR_EQUAL),
        "max_experiment": ("experiment", Operator.LESS_OR_EQUAL),
        "min_run": ("run", Operator.GREATER_OR_EQUAL),
        "max_run": ("run", Operator.LESS_OR_EQUAL),
    }
    return [
        Compare(field=field, operator=operator, value=number)
        for name, (field, operator) in wanted.items()
        if (number := _number(values, name)) is not None
    ]


def _dates(values: Mapping[str, str], days: Days) -> list[Tree]:
    first, last = _day(values, "min_date"), _day(values, "max_date")
    wanted: list[tuple[Operator, date]] = []
    if first is not None:
        wanted.append((Operator.GREATER_OR_EQUAL, first))
    if last is not None:
        wanted.append((Operator.LESS, last + _DAY))
    return [
        Compare(field="time", operator=operator, value=float(days.begin(day)))
        for operator, day in wanted
    ]


def _places(values: Mapping[str, str]) -> list[Tree]:
    """Return conditions for the order of (experiment, run)."""
    parts: list[Tree] = []
    for name, strict, within in (
        ("from", Operator.GREATER, Operator.GREATER_OR_EQUAL),
        ("to", Operator.LESS, Operator.LESS_OR_EQUAL),
    ):
        if name not in values:
            continue
        found = _PLACE.fullmatch(values[name])
        if found is None:
            raise InputError(
                name, f"{values[name][:40]!r} is no place", "such as 26:100"
            )
        experiment, run = int(found[1]), int(found[2])
        same = Compare(field="experiment", operator=Operator.EQUAL, value=experiment)
        parts.append(
            Or(
                parts=(
                    Compare(field="experiment", operator=strict, value=experiment),
                    And(
                        parts=(
                            same,
                            Compare(field="run", operator=within, value=run),
                        )
                    ),
                )
            )
        )
    return parts


def _number(values: Mapping[str, str], name: str) -> int | None:
    """Return an integer; the client sends ``1e4`` as ``10000.0``."""
    return _read(values, name, _as_integer, "an integer")


def _as_integer(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        real = float(text)
        number = int(real)
        if number != real:
            raise
    if abs(number) > _EXACT:
        raise ValueError(text)
    return number


def _flag(values: Mapping[str, str], name: str) -> bool | None:
    """Return a boolean; the client sends Python's ``True``."""
    return _read(values, name, _as_flag, "true or false")


def _as_flag(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def _day(values: Mapping[str, str], name: str) -> date | None:
    day = _read(values, name, date.fromisoformat, "a date such as 2020-05-06")
    if day is not None and day >= date.max - _DAY:
        raise InputError(name, f"{day} is too late")
    return day


def _read(
    values: Mapping[str, str], name: str, reader: Callable[[str], T], mend: str
) -> T | None:
    text = values.get(name)
    if text is None:
        return None
    try:
        return reader(text.strip())
    except (ValueError, OverflowError):
        raise InputError(name, f"{text[:40]!r} cannot be read", mend) from None
