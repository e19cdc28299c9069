"""What a run is searched by: its fields as flat leaves, its words, its facets."""

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
    facility_objects,
    number_in,
)
from quire.runs.leaves import LEFT_OUT, Gathering, Leaves, Scalar
from quire.runs.run import Run
from quire.runs.words import words_in

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

VERSION = 4
"""To be raised whenever a run is searched by something else than before."""

_ADDED = frozenset(
    {"streams", "devices", "findings", "products", "comments", "run_lists", LEFT_OUT}
)
_ADDED_FAMILIES = ("flag.", "flag_cause.")

_MOST_FACET_VALUES = 500
_LONGEST_FACET = 500
_COUNTED = frozenset(FACETS)
_MARK = "\x1f"  # before the JSON of what is no text
_EXACT = 2**63
_first = itemgetter(0)


class Searchable(msgspec.Struct, frozen=True, kw_only=True):
    """A run as searches see it.

    Attributes
    ----------
    leaves
        Values by canonical path, such as ``start.sample.name``; several where the
        document has a list.
    facets
        Sorted pairs of a counted field and a value, as `facet_value` reads it.
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

    Values that no comparison can hold (NaN, infinities, integers beyond 64 bits) and
    what is too long or too much are left out, and `LEFT_OUT` says so; the documents
    have them.
    """
    start, stop = run.start_document(), run.stop_document()
    facility = facility_fields(run, start, rule)
    gathered = Gathering()
    note = gathered.add
    _gather_own(run, note)
    gathered.add_object(facility, "")
    for before, members in facility_objects(run, start):
        gathered.add_object(members, before)
    if start:
        note("all_detectors_running", all_running(facility))
    for flag in run.annotations.flags:
        note(f"flag.{flag.detector}", flag.value)
        if flag.cause:
            note(f"flag_cause.{flag.detector}", flag.cause)
    for label in run.annotations.lists:
        note("run_lists", label)
    for comment in run.annotations.comments:
        note("comments", comment.text)
    gathered.add_object(start, "start.")
    gathered.add_object(stop, "stop.")
    leaves = gathered.leaves()
    return Searchable(
        leaves=leaves,
        facets=_facets(leaves),
        experiment=number_in(facility, "experiment"),
        run=number_in(facility, "run"),
    )


def _gather_own(run: Run, note: Callable[[str, Any], None]) -> None:
    """Gather the leaves of the record, the last ones first as everywhere."""
    if run.time is not None and run.stop_time is not None:
        note("duration", run.stop_time - run.time)
    for rule in sorted({finding.rule for finding in run.findings}):
        note("findings", rule)
    for product in run.products:
        note("products", product)
    for device in run.devices:
        note("devices", device)
    for stream in run.streams:
        note("streams", stream)
    note("events", run.events)
    note("reason", run.reason or None)
    note("exit_status", run.exit_status)
    note("stop_time", run.stop_time)
    note("time", run.time)
    note("plan_name", run.plan_name)
    note("scan_id", run.scan_id)
    note("sign_off", str(run.annotations.sign_off))
    note("status", str(run.status))
    note("owner", run.owner)
    note("uid", run.uid)


def _facets(leaves: Leaves) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for field in _COUNTED & leaves.keys():
        for value in leaves[field][:_MOST_FACET_VALUES]:
            text = _as_counted(value)
            if len(text) <= _LONGEST_FACET:
                found.append((field, text))
    found.sort()
    return tuple(found)


def facet_value(counted: str) -> Scalar:
    """Return the value that a counter is of."""
    if not counted.startswith(_MARK):
        return counted
    value: Scalar = msgspec.json.decode(counted[len(_MARK) :])
    return value


def _as_counted(value: Scalar) -> str:
    """Return a value as text: 7 is not counted with "7", but 7.0 is with 7."""
    if isinstance(value, str) and not value.startswith(_MARK):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    return _MARK + msgspec.json.encode(value).decode()


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, casefolded."""
    return frozenset(words_in(text))


Describe = Callable[[Run], Searchable]
"""What turns a run into what it is searched by."""
