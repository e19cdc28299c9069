"""What a run is searched by: its fields as flat leaves, its words, its facets."""

import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from quire.runs.facility import NumberRule, all_running, by_scan_id, facility_fields
from quire.runs.run import Run
from quire.runs.values import LARGEST, as_integer

Scalar = str | int | float | bool
Leaves = dict[str, tuple[Scalar, ...]]

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

UNIQUE = frozenset({"uid", "start.uid", "stop.uid", "stop.run_start"})
"""Fields of which every run has another value: columns find these."""

GROWING = frozenset({"events"})
"""Fields that change with every event: they have columns of their own."""

VERSION = 1
"""To be raised whenever a run is searched by something else than before."""

_ADDED = frozenset(
    {"streams", "devices", "findings", "products", "comments", "run_lists"}
)
_ADDED_FAMILIES = ("flag.", "flag_cause.")

_MOST_LEAVES = 2_000
_MOST_FACET_VALUES = 20
_LONGEST_FACET = 200
_LONGEST_VALUE = 1_000
_DEEPEST = 50
_LISTS = (list, tuple)  # made once: a union of types is made anew each time
_WORD = re.compile(r"\w+")


class Searchable(msgspec.Struct, frozen=True, kw_only=True):
    """A run as searches see it.

    Attributes
    ----------
    leaves
        Values by canonical path, such as ``start.sample.name``; several where the
        document has a list.
    facets
        Sorted pairs of a counted field and a value.
    experiment, run
        Its numbers.
    """

    leaves: Leaves
    facets: tuple[tuple[str, str], ...] = ()
    experiment: int | None = None
    run: int | None = None

    def view(self) -> dict[str, Any]:
        """Return the leaves as JSON has them: one value alone, several in a list."""
        return {
            path: values[0] if len(values) == 1 else list(values)
            for path, values in self.leaves.items()
            if path not in GROWING
        }

    def words(self) -> frozenset[str]:
        """Return the words of all its text, casefolded."""
        return frozenset(_words(self.leaves))


def is_added(path: str) -> bool:
    """Return whether a field holds what is added to a run: without any, it has none.

    Of such a field nothing is ever unknown: ``not flag.DCH = bad`` finds the runs that
    nobody flagged, too.
    """
    return path in _ADDED or path.startswith(_ADDED_FAMILIES)


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
    leaves: Leaves = {}
    _own(run, leaves)
    flatten(facility, "", leaves)
    if start:
        _note("all_detectors_running", all_running(facility), leaves)
    for flag in run.annotations.flags:
        _note(f"flag.{flag.detector}", flag.value, leaves)
        if flag.cause:
            _note(f"flag_cause.{flag.detector}", flag.cause, leaves)
    for label in run.annotations.lists:
        _note("run_lists", label, leaves)
    for comment in run.annotations.comments:
        _note("comments", comment.text, leaves)
    flatten(start, "start.", leaves)
    flatten(stop, "stop.", leaves)
    return Searchable(
        leaves=leaves,
        facets=tuple(sorted(_facets(leaves))),
        experiment=as_integer(facility.get("experiment"), most=LARGEST),
        run=as_integer(facility.get("run"), most=LARGEST),
    )


def _own(run: Run, leaves: Leaves) -> None:
    own: dict[str, Any] = {
        "uid": run.uid,
        "owner": run.owner,
        "status": run.status.value,
        "sign_off": run.annotations.sign_off.value,
        "scan_id": run.scan_id,
        "plan_name": run.plan_name,
        "time": run.time,
        "stop_time": run.stop_time,
        "exit_status": run.exit_status,
        "reason": run.reason or None,
        "events": run.events,
        "streams": list(run.streams),
        "devices": list(run.devices),
        "products": list(run.products),
        "findings": sorted({finding.rule for finding in run.findings}),
    }
    if run.time is not None and run.stop_time is not None:
        own["duration"] = run.stop_time - run.time
    flatten(own, "", leaves)


def flatten(value: Any, path: str, leaves: Leaves) -> None:
    """Add the scalar leaves of an object under their dotted paths.

    Elements of a list stand under the list's own path.

    Parameters
    ----------
    path
        What their paths begin with, the dot included.
    """
    work = [(path, value, 0)]
    while work and len(leaves) < _MOST_LEAVES:
        path, value, depth = work.pop()
        if isinstance(value, dict):
            if depth < _DEEPEST:
                work += [
                    (f"{path}{key}" if depth == 0 else f"{path}.{key}", item, depth + 1)
                    for key, item in value.items()
                ]
        elif isinstance(value, _LISTS):
            if depth < _DEEPEST:
                work += [(path, item, depth + 1) for item in reversed(value)]
        else:
            _note(path, value, leaves)


def _note(path: str, value: Any, leaves: Leaves) -> None:
    if not _comparable(value):
        return
    held = leaves.get(path)
    if held is None:
        leaves[path] = (value,)
    elif value not in held:
        leaves[path] = (*held, value)


def _comparable(value: Any) -> bool:
    kind = type(value)
    if kind is str:
        # Of text with a NUL SQLite sees only what stands before it.
        return len(value) <= _LONGEST_VALUE and "\0" not in value
    if kind is float:
        return math.isfinite(value)
    return kind is bool or (kind is int and -(2**63) <= value < 2**63)


def _words(leaves: Leaves) -> Iterator[str]:
    texts = {
        value
        for path, values in leaves.items()
        if path not in UNIQUE
        for value in values
        if isinstance(value, str)
    }
    # One long text is read sooner than many short ones; no word crosses a line.
    return iter(_WORD.findall("\n".join(texts).casefold()))


def _facets(leaves: Leaves) -> Iterator[tuple[str, str]]:
    for field in FACETS:
        for value in leaves.get(field, ())[:_MOST_FACET_VALUES]:
            text = value if isinstance(value, str) else str(value)
            if len(text) <= _LONGEST_FACET:
                yield field, text


Describe = Callable[[Run], Searchable]
"""What turns a run into what it is searched by."""
