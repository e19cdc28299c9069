"""Facility fields of a run: what RunDB's clients read (``reference/rundb.md`` 3).

A start key of one of these names feeds the field of that name; what the API set wins.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from quire.runs.annotations import FieldValue
from quire.runs.run import Run
from quire.runs.values import LARGEST, as_integer

GROUPS = (
    "detectors",
    "her",
    "hlt",
    "ler",
    "quality_expert",
    "statistics",
    "trigger",
)
"""Objects of the start document whose members are facility fields."""

PLAIN = ("experiment", "run", "run_type", "time_start", "time_stop")
"""Start keys that are facility fields themselves."""

_NAMES = frozenset({*PLAIN, *GROUPS})
_VALUES = (str, int, float, bool)  # made once: a union is made anew each time

NUMBERS = ("experiment", "run")
"""Fields by which runs are ordered."""

MOST_NUMBER = LARGEST - 1
"""The greatest of them: stores have the next one for runs that have no number."""


class NumberRule(Protocol):
    """Gives a run its experiment and run number where its start has none."""

    def __call__(self, start: Mapping[str, Any]) -> tuple[int | None, int | None]:
        """Return experiment and run."""
        ...


def by_scan_id(start: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return experiment 0 and the scan_id as run, which may be missing."""
    return 0, as_integer(start.get("scan_id"), most=LARGEST)


def by_keys(experiment: int | str, run: str) -> NumberRule:
    """Return the rule that a facility configured.

    Parameters
    ----------
    experiment
        Its number, or the dotted start key that holds it.
    run
        The dotted start key that holds the run number.
    """

    def rule(start: Mapping[str, Any]) -> tuple[int | None, int | None]:
        number = _at(start, experiment) if isinstance(experiment, str) else experiment
        return (
            as_integer(number, most=LARGEST),
            as_integer(_at(start, run), most=LARGEST),
        )

    return rule


def _at(start: Mapping[str, Any], path: str) -> Any:
    value: Any = start
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def all_running(fields: Mapping[str, Any]) -> bool:
    """Return whether every ``detectors.status_*`` there is says RUNNING."""
    states = [v for name, v in fields.items() if name.startswith("detectors.status_")]
    return all(state == "RUNNING" for state in states)


def facility_fields(
    run: Run, start: Mapping[str, Any], rule: NumberRule = by_scan_id
) -> dict[str, FieldValue]:
    """Return the facility fields of a run by their dotted names."""
    fields = _said(start)
    if start:
        for name, value in zip(NUMBERS, rule(start), strict=True):
            if (
                value is not None
                and as_integer(fields.get(name), most=MOST_NUMBER) is None
            ):
                fields[name] = value
    for flag in run.annotations.flags:
        if flag.span is None:
            fields[f"quality_expert.{flag.detector}"] = flag.value
    fields |= run.annotations.fields
    for name in NUMBERS:
        number = as_integer(fields.pop(name, None), most=MOST_NUMBER)
        if number is not None:
            fields[name] = number
    return fields


def facility_objects(
    run: Run, start: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield objects and lists of the start that have names of facility fields.

    They are none that could be set, but searched by the same names: each comes with
    what stands before the names of its members.
    """
    if _NAMES.isdisjoint(start):
        return
    said = run.annotations.fields
    for name in PLAIN:
        value = start.get(name)
        if isinstance(value, list) and name not in (*NUMBERS, *said):
            yield "", {name: value}
    for group in GROUPS:
        members = start.get(group)
        if isinstance(members, dict):
            for name, value in members.items():
                if isinstance(value, dict | list) and f"{group}.{name}" not in said:
                    yield f"{group}.", {name: value}


def number_in(fields: Mapping[str, FieldValue], name: str) -> int | None:
    """Return a number that `facility_fields` gave a run, None if it has none."""
    number = fields.get(name)
    return number if isinstance(number, int) else None


def _said(start: Mapping[str, Any]) -> dict[str, FieldValue]:
    said: dict[str, FieldValue] = {}
    if _NAMES.isdisjoint(start):
        return said
    for name in PLAIN:
        value = start.get(name)
        if isinstance(value, _VALUES):
            said[name] = value
    for group in GROUPS:
        members = start.get(group)
        if isinstance(members, dict):
            for name, value in members.items():
                if isinstance(value, _VALUES):
                    said[f"{group}.{name}"] = value
    return said
