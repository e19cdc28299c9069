"""What a run is searched by: its fields as flat leaves, its words, its facets."""

import math
import re
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec

from quire.runs.facility import (
    NumberRule,
    all_running,
    by_scan_id,
    facility_fields,
    number_in,
)
from quire.runs.run import Run

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
_NESTED = frozenset({dict, list, tuple})
# Which values a comparison can hold, by their type; texts are judged on the spot.
_COMPARABLE: dict[type, Callable[[Any], bool]] = {
    bool: (False, True).__contains__,
    float: math.isfinite,
    int: range(-(2**63), 2**63).__contains__,
}
_COUNTED = frozenset(FACETS)
_first = itemgetter(0)
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
        every = self.leaves
        # Nearly all are alone: without a loop of ours they cost next to nothing.
        found: dict[str, Any] = dict(
            zip(every, map(_first, every.values()), strict=True)
        )
        if sum(map(len, every.values())) > len(every):
            found |= {
                path: list(values) for path, values in every.items() if len(values) > 1
            }
        for path in GROWING:
            found.pop(path, None)
        return found

    def words(self) -> frozenset[str]:
        """Return the words of all its text, casefolded."""
        texts = [
            value
            for path, values in self.leaves.items()
            if path not in UNIQUE
            for value in values
            if isinstance(value, str)
        ]
        # One long text is read sooner than many short ones; no word crosses a line.
        return words_of("\n".join(texts))


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
    leaves = _own(run)
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
        facets=_facets(leaves),
        experiment=number_in(facility, "experiment"),
        run=number_in(facility, "run"),
    )


def _own(run: Run) -> Leaves:
    """Return the leaves of the record, the last ones first as everywhere."""
    leaves: Leaves = {}
    if run.time is not None and run.stop_time is not None:
        _note("duration", run.stop_time - run.time, leaves)
    for rule in sorted({finding.rule for finding in run.findings}):
        _note("findings", rule, leaves)
    for product in run.products:
        _note("products", product, leaves)
    for device in run.devices:
        _note("devices", device, leaves)
    for stream in run.streams:
        _note("streams", stream, leaves)
    _note("events", run.events, leaves)
    _note("reason", run.reason or None, leaves)
    _note("exit_status", run.exit_status, leaves)
    _note("stop_time", run.stop_time, leaves)
    _note("time", run.time, leaves)
    _note("plan_name", run.plan_name, leaves)
    _note("scan_id", run.scan_id, leaves)
    leaves["sign_off"] = (str(run.annotations.sign_off),)
    leaves["status"] = (str(run.status),)
    _note("owner", run.owner, leaves)
    _note("uid", run.uid, leaves)
    return leaves


def flatten(value: dict[str, Any], path: str, leaves: Leaves, depth: int = 1) -> None:
    """Add the scalar leaves of an object under their dotted paths, the last ones first.

    Elements of a list stand under the list's own path.

    Parameters
    ----------
    path
        What their paths begin with, the dot included.
    depth
        In how many objects and lists its members lie.
    """
    for key, item in reversed(value.items()):
        if len(leaves) >= _MOST_LEAVES:
            return
        if type(item) in _NESTED:
            _flatten_nested(item, path + key, leaves, depth)
        else:
            _note(path + key, item, leaves)


def _flatten_nested(value: Any, path: str, leaves: Leaves, depth: int) -> None:
    if depth >= _DEEPEST:
        return
    if type(value) is dict:
        flatten(value, path + ".", leaves, depth + 1)
        return
    for item in value:
        if len(leaves) >= _MOST_LEAVES:
            return
        if type(item) in _NESTED:
            _flatten_nested(item, path, leaves, depth + 1)
        else:
            _note(path, item, leaves)


def _note(path: str, value: Any, leaves: Leaves) -> None:
    kind = type(value)
    if kind is str:
        # Of text with a NUL SQLite sees only what stands before it.
        if len(value) > _LONGEST_VALUE or "\0" in value:
            return
    elif kind not in _COMPARABLE or not _COMPARABLE[kind](value):
        return
    if path not in leaves:
        leaves[path] = (value,)
    elif value not in leaves[path]:
        leaves[path] = (*leaves[path], value)


def _facets(leaves: Leaves) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for field in _COUNTED & leaves.keys():
        for value in leaves[field][:_MOST_FACET_VALUES]:
            text = str(value)
            if len(text) <= _LONGEST_FACET:
                found.append((field, text))
    found.sort()
    return tuple(found)


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, casefolded."""
    return frozenset(_WORD.findall(text.casefold()))


Describe = Callable[[Run], Searchable]
"""What turns a run into what it is searched by."""
