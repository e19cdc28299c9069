"""Good-run lists: frozen with the query, the data's version and the time."""

import hashlib
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from quire.errors import Conflict
from quire.runs.intervals import Intervals, union
from quire.runs.run import Run

PRIMARY = "primary"

Ranges = tuple[tuple[float, float], ...]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a list.

    Attributes
    ----------
    events
        Good sequence numbers, closed intervals.
    times
        Good Unix seconds, closed intervals; empty where the run has no start or stop.
    cut
        Units, ``"time"`` or ``"event"``, in which bad parts were cut out.
    """

    uid: str
    experiment: int | None = None
    run: int | None = None
    events: Intervals = ()
    times: Ranges = ()
    cut: tuple[str, ...] = ()


class RunList(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen list; a later freezing of the same name is another version.

    Attributes
    ----------
    data_version
        Hash of what the list was made from: the same runs in the same state give the
        same.
    left_out
        Runs that the query could not judge for lack of a value; None where counting
        them would have taken too long.
    tagged
        How many members are marked already; searches find the list when all are.
    tree
        The query in its JSON form, with what its names and dates meant then; None for
        all runs.
    bad
        Flag values of parts of runs that did not count as good.
    owner
        Who made the first version; empty in lists of before that was kept.
    group
        Whose members may add versions beside the owner; empty for none.
    """

    name: str
    version: int
    query: str
    author: str
    at: float
    members: tuple[Member, ...]
    data_version: str
    left_out: int | None = None
    note: str = ""
    tagged: int = 0
    tree: Any = None
    bad: tuple[str, ...] = ()
    owner: str = ""
    group: str = ""

    @property
    def label(self) -> str:
        """``name@version``, as its runs are marked."""
        return f"{self.name}@{self.version}"

    @property
    def kept_by(self) -> str:
        """Whose list it is: who made its first version."""
        return self.owner or self.author


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Uids of the runs in which two lists differ."""

    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    other_parts: tuple[str, ...]


def member(
    run: Run, experiment: int | None, number: int | None, bad: frozenset[str]
) -> Member:
    """Return a run as a list holds it, without the parts that are flagged as bad."""
    stream = run.streams.get(PRIMARY) or max(
        run.streams.values(), key=lambda one: one.rows, default=None
    )
    events: Ranges = tuple(stream.seq_nums) if stream else ()
    times: Ranges = ()
    if run.time is not None and run.stop_time is not None:
        times = ((run.time, run.stop_time),)
    cut: dict[str, list[tuple[float, float]]] = {}
    for flag in run.annotations.flags:
        if flag.span is not None and flag.value in bad:
            part = (flag.span.first, flag.span.last)
            cut.setdefault(flag.span.unit, []).append(part)
    numbers = [
        (math.ceil(first), math.floor(last)) for first, last in cut.get("event", ())
    ]
    events = tuple(_without(events, numbers, step=1))
    times = tuple(_without(times, cut.get("time", ()), step=0))
    return Member(
        uid=run.uid,
        experiment=experiment,
        run=number,
        events=tuple((int(first), int(last)) for first, last in events),
        times=times,
        cut=tuple(sorted(cut)),
    )


def in_order(members: Iterable[Member]) -> tuple[Member, ...]:
    """Return members by experiment, run and uid; those without a number stand last."""

    def place(one: Member) -> tuple[bool, int, bool, int, str]:
        return (
            one.experiment is None,
            one.experiment or 0,
            one.run is None,
            one.run or 0,
            one.uid,
        )

    return tuple(sorted(members, key=place))


def state(run: Run) -> tuple[str, int, int]:
    """Return what `data_version` takes of a run."""
    return run.uid, run.documents, run.annotations.version


def data_version(states: Iterable[tuple[str, int, int]]) -> str:
    """Return a hash of the state of the runs of a list."""
    told = hashlib.sha256()
    for uid, documents, version in sorted(states):
        told.update(f"{uid} {documents} {version}\n".encode())
    return told.hexdigest()[:16]


def golden(
    members: Sequence[Member], *, unit: str = "event", label: str = ""
) -> dict[str, list[list[float]]]:
    """Return ``{"run": [[first, last]]}`` as CMS has it.

    Raises
    ------
    Conflict
        The list spans several experiments, has runs without a number, runs of one
        number of which not the same parts are good, bad parts that are only known in
        the other unit, or times that nobody knows: another form says it right.
    """
    experiments = {one.experiment for one in members}
    if len(experiments) > 1:
        reason = "it spans several experiments"
        raise Conflict("run list", label, f"{reason}; give experiment=, or ask for csv")
    _refuse_nameless(members, label)
    other = next((one for one in members if set(one.cut) - {unit}), None)
    if other is not None:
        alone = len(other.cut) == 1
        mend = f"give unit={other.cut[0]}" if alone else "ask for csv"
        by = " and by ".join(other.cut)
        reason = f"of run {other.uid} bad parts are known by {by}"
        raise Conflict("run list", label, f"{reason}; {mend}")
    if unit == "time":
        _refuse_endless(members, label)
    _refuse_twins(members, label)
    found: dict[str, list[list[float]]] = {}
    for one in members:
        parts = one.events if unit == "event" else one.times
        known = [(first, last) for first, last in found.get(str(one.run), [])]
        if unit == "event":
            merged: Ranges = union(
                tuple((int(a), int(b)) for a, b in known),
                [(int(a), int(b)) for a, b in parts],
            )
        else:
            merged = tuple(_joined([*known, *parts]))
        found[str(one.run)] = [list(part) for part in merged]
    return found


def ranges(members: Sequence[Member], *, label: str = "") -> dict[str, list[list[int]]]:
    """Return ``{"experiment": [[first run, last run]]}`` of whole runs.

    Raises
    ------
    Conflict
        The list has runs without a number, or runs of which bad parts are left out:
        another form says it right.
    """
    _refuse_nameless(members, label)
    part = next((one for one in members if one.cut), None)
    if part is not None:
        reason = f"of run {part.uid} bad parts are left out"
        raise Conflict("run list", label, f"{reason}; ask for json or csv")
    numbers: dict[str, list[tuple[int, int]]] = {}
    for one in members:
        if one.run is not None:
            key = "" if one.experiment is None else str(one.experiment)
            numbers.setdefault(key, []).append((one.run, one.run))
    return {
        key: [list(part) for part in union((), parts)]
        for key, parts in sorted(numbers.items())
    }


def rows(members: Iterable[Member]) -> Iterator[list[Any]]:
    """Yield the list as a table with its head: a row for each good part of a run.

    Of a run whose bad parts are known by event and by time there are rows of both: what
    is good lies within a row of each.
    """
    yield ["experiment", "run", "uid", "unit", "first", "last"]
    for one in members:
        for unit in one.cut or ("event",):
            parts: Ranges = one.times if unit == "time" else one.events
            if not parts:
                yield [one.experiment, one.run, one.uid, unit, None, None]
            for first, last in parts:
                yield [one.experiment, one.run, one.uid, unit, first, last]


def difference(first: RunList, second: RunList) -> Difference:
    """Return in which runs two lists differ."""
    ours = {one.uid: one for one in first.members}
    theirs = {one.uid: one for one in second.members}
    return Difference(
        only_first=tuple(sorted(ours.keys() - theirs.keys())),
        only_second=tuple(sorted(theirs.keys() - ours.keys())),
        other_parts=tuple(
            sorted(
                uid
                for uid in ours.keys() & theirs.keys()
                if (ours[uid].events, ours[uid].times)
                != (theirs[uid].events, theirs[uid].times)
            )
        ),
    )


def _joined(parts: Iterable[tuple[float, float]]) -> Ranges:
    """Return what several runs of one number have, each instant once."""
    found: list[tuple[float, float]] = []
    for first, last in sorted(parts):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def _refuse_nameless(members: Iterable[Member], label: str) -> None:
    odd = next((one for one in members if one.run is None), None)
    if odd is not None:
        raise Conflict("run list", label, f"run {odd.uid} has no number; ask for csv")


def _refuse_endless(members: Iterable[Member], label: str) -> None:
    """Refuse what would say that nothing of a run is good, for it has no stop."""
    odd = next((one for one in members if not (one.times or one.cut)), None)
    if odd is not None:
        reason = f"run {odd.uid} has no start or no stop, so its times are not known"
        raise Conflict("run list", label, f"{reason}; give unit=event, or ask for csv")


def _refuse_twins(members: Iterable[Member], label: str) -> None:
    """Refuse what would call a bad part good, for its number in another run is."""
    known: dict[int | None, Member] = {}
    for one in members:
        other = known.setdefault(one.run, one)
        same = (one.events, one.times) == (other.events, other.times)
        if not same and (one.cut or other.cut):
            reason = (
                f"runs {other.uid} and {one.uid} have one number and other bad parts"
            )
            raise Conflict("run list", label, f"{reason}; ask for csv")


def _without(
    parts: Ranges, cut: Iterable[tuple[float, float]], *, step: int
) -> Iterator[tuple[float, float]]:
    """Yield what is left of parts, in one way through both.

    Parameters
    ----------
    step
        From the end of one part to where another may begin: 1 for numbers, 0 for times.
    """
    spans = _joined(cut)
    behind = 0
    for begin, end in parts:
        while behind < len(spans) and spans[behind][1] < begin:
            behind += 1
        left, is_left = begin, True
        for first, last in itertools.islice(spans, behind, None):
            if first > end:
                break
            if left < first:
                yield left, first - step
            left, is_left = last + step, end > last
        if is_left:
            yield left, end
