"""What a run is searched by: its fields as flat leaves, its words, its facets."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from quire.runs.facility import NumberRule, by_scan_id, facility_fields
from quire.runs.run import Run
from quire.runs.values import LARGEST, as_integer

Scalar = str | int | float | bool

FACETS = (
    "status",
    "plan_name",
    "owner",
    "streams",
    "devices",
    "findings",
    "sign_off",
    "run_type",
    "start.group",
    "start.project",
    "start.data_session",
    "start.data_groups",
    "start.beamline_id",
)
"""Fields whose values are counted."""

_MOST_LEAVES = 2_000
_MOST_FACET_VALUES = 20
_LONGEST_FACET = 200
_LONGEST_VALUE = 1_000
_DEEPEST = 50
_WORD = re.compile(r"\w+")


class Searchable(msgspec.Struct, frozen=True, kw_only=True):
    """A run as searches see it.

    Attributes
    ----------
    leaves
        Values by canonical path, such as ``start.sample.name``; several where the
        document has a list.
    words
        Of all its text, casefolded.
    facets
        Sorted pairs of a counted field and a value.
    experiment, run
        Its numbers.
    """

    leaves: dict[str, tuple[Scalar, ...]]
    words: frozenset[str] = frozenset()
    facets: tuple[tuple[str, str], ...] = ()
    experiment: int | None = None
    run: int | None = None

    def view(self) -> dict[str, Any]:
        """Return the leaves as JSON has them: one value alone, several in a list."""
        return {
            path: values[0] if len(values) == 1 else list(values)
            for path, values in self.leaves.items()
        }


def describe(rule: NumberRule = by_scan_id) -> "Describe":
    """Return what turns a run into what it is searched by."""
    return partial(searchable, rule=rule)


def searchable(run: Run, rule: NumberRule = by_scan_id) -> Searchable:
    """Return what a run is searched by.

    Values that no comparison can hold (NaN, infinities, integers beyond 64 bits, very
    long strings) are left out; the documents have them.
    """
    start, stop = run.start_document(), run.stop_document()
    facility = facility_fields(run, start, rule)
    leaves: dict[str, list[Scalar]] = {}
    for path, value in _all_leaves(run, start, stop, facility):
        values = leaves.setdefault(path, [])
        if value not in values:
            values.append(value)
    kept = {path: tuple(values) for path, values in leaves.items()}
    return Searchable(
        leaves=kept,
        words=frozenset(_words(kept)),
        facets=tuple(sorted(_facets(kept))),
        experiment=as_integer(facility.get("experiment"), most=LARGEST),
        run=as_integer(facility.get("run"), most=LARGEST),
    )


def _all_leaves(
    run: Run,
    start: Mapping[str, Any],
    stop: Mapping[str, Any],
    facility: Mapping[str, Any],
) -> Iterator[tuple[str, Scalar]]:
    yield from _own(run)
    for name, value in facility.items():
        yield from flatten(value, name)
    for flag in run.annotations.flags:
        yield f"flag.{flag.detector}", flag.value
        if flag.cause:
            yield f"flag_cause.{flag.detector}", flag.cause
    for comment in run.annotations.comments:
        yield from flatten(comment.text, "comments")
    for prefix, document in (("start", start), ("stop", stop)):
        for place, leaf in enumerate(flatten(document, prefix)):
            if place >= _MOST_LEAVES:
                break
            yield leaf


def _own(run: Run) -> Iterator[tuple[str, Scalar]]:
    yield "uid", run.uid
    yield "owner", run.owner
    yield "status", run.status.value
    yield "sign_off", run.annotations.sign_off.value
    single = {
        "scan_id": run.scan_id,
        "plan_name": run.plan_name,
        "time": run.time,
        "stop_time": run.stop_time,
        "exit_status": run.exit_status,
        "reason": run.reason or None,
    }
    if run.time is not None and run.stop_time is not None:
        single["duration"] = run.stop_time - run.time
    for name, value in single.items():
        yield from flatten(value, name)
    for name in run.streams:
        yield "streams", name
    for rule in sorted({finding.rule for finding in run.findings}):
        yield "findings", rule


def flatten(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Scalar]]:
    """Yield the scalar leaves of a value with their dotted paths.

    Elements of a list stand under the list's own path.
    """
    match value:
        case dict() if depth < _DEEPEST:
            for key, item in value.items():
                yield from flatten(item, f"{path}.{key}", depth + 1)
        case list() | tuple() if depth < _DEEPEST:
            for item in value:
                yield from flatten(item, path, depth + 1)
        case bool():
            yield path, value
        case str() if len(value) <= _LONGEST_VALUE:
            yield path, value
        case int() if -(2**63) <= value < 2**63:
            yield path, value
        case float() if math.isfinite(value):
            yield path, value


def _words(leaves: Mapping[str, tuple[Scalar, ...]]) -> Iterator[str]:
    for values in leaves.values():
        for value in values:
            if isinstance(value, str):
                yield from _WORD.findall(value.casefold())


def _facets(leaves: Mapping[str, tuple[Scalar, ...]]) -> Iterator[tuple[str, str]]:
    for field in FACETS:
        for value in leaves.get(field, ())[:_MOST_FACET_VALUES]:
            text = value if isinstance(value, str) else str(value)
            if len(text) <= _LONGEST_FACET:
                yield field, text


Describe = Callable[[Run], Searchable]
"""What turns a run into what it is searched by."""
