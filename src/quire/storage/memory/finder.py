"""Searches in memory: every run is asked."""

import math
from collections import Counter
from collections.abc import Iterator

from quire.access.visibility import Keys, admits, audience
from quire.ports.run_finder import Count, RunOrder, RunPlace, Selection, ValueCount
from quire.runs.query.evaluate import evaluate
from quire.runs.run import Run
from quire.runs.searchable import FACETS, Searchable, facet_value, searchable
from quire.storage.memory.records import MemoryRuns

Key = tuple[float, float, str] | tuple[float, str]


class MemoryRunFinder:
    """`quire.ports.run_finder.RunFinder` over a dictionary."""

    def __init__(self, runs: MemoryRuns) -> None:
        self._runs = runs

    def page(
        self,
        selection: Selection,
        order: RunOrder,
        behind: RunPlace | None,
        limit: int,
    ) -> tuple[Run, ...]:
        """Return matching runs in the order asked for, from behind a place on."""
        key = _by_number if "number" in order.value else _by_time
        descending = order in (RunOrder.NEWEST, RunOrder.NUMBER_DESCENDING)
        placed = [(key(_place(run, found)), run) for run, found in self._in(selection)]
        placed.sort(key=lambda pair: pair[0], reverse=descending)
        if behind is not None:
            place = key(behind)
            placed = [
                pair
                for pair in placed
                if (pair[0] < place if descending else pair[0] > place)
            ]
        return tuple(run for _, run in placed[: max(limit, 0)])

    def count(self, selection: Selection, most: int, *, lacking: bool = True) -> Count:
        """Count matching runs, up to so many."""
        said = Counter(truth for _, _, truth in self._asked(selection))
        matched, left_out = said[True], said[None] if lacking else 0
        return Count(
            matched=min(matched, most),
            lacking=min(left_out, most),
            exact=max(matched, left_out) <= most,
        )

    def distinct(
        self, selection: Selection, path: str, limit: int
    ) -> tuple[ValueCount, ...]:
        """Return the values of a field among matching runs, most frequent first."""
        if selection.where is None and path in FACETS:
            return self.facets((path,), selection.visible, limit)[path]
        found: Counter[tuple[bool, str | int | float]] = Counter()
        for _, each in self._in(selection):
            for value in each.leaves.get(path, ()):
                found[isinstance(value, bool), value] += 1
        ranked = sorted(found.items(), key=lambda pair: (-pair[1], str(pair[0])))
        return tuple(
            ValueCount(value=value, runs=runs) for (_, value), runs in ranked[:limit]
        )

    def facets(
        self, fields: tuple[str, ...], visible: Keys, limit: int
    ) -> dict[str, tuple[ValueCount, ...]]:
        """Return how many runs have each value of fields."""
        counts: dict[str, Counter[str]] = {field: Counter() for field in fields}
        for _, found in self._in(Selection(visible=visible)):
            for field, value in found.facets:
                if field in counts:
                    counts[field][value] += 1
        return {
            field: tuple(
                ValueCount(value=facet_value(value), runs=runs)
                for value, runs in sorted(
                    counter.items(), key=lambda pair: (-pair[1], pair[0])
                )[:limit]
            )
            for field, counter in counts.items()
        }

    def explain(self, selection: Selection, order: RunOrder) -> tuple[str, ...]:
        """Return, line by line, how the selection would be found."""
        del selection
        return (f"order: {order.value}", "every run, in memory")

    def _in(self, selection: Selection) -> Iterator[tuple[Run, Searchable]]:
        for run, found, truth in self._asked(selection):
            if truth:
                yield run, found

    def _asked(
        self, selection: Selection
    ) -> Iterator[tuple[Run, Searchable, bool | None]]:
        for run in self._runs.all():
            seen_by = audience(run.owner, run.start_document())
            if admits(seen_by, selection.visible):
                found = searchable(run)
                yield run, found, _truth(selection, found)


def _truth(selection: Selection, found: Searchable) -> bool | None:
    if selection.where is None:
        return True
    return evaluate(selection.where, found.leaves, found.words())


def _place(run: Run, found: Searchable) -> RunPlace:
    return RunPlace(
        uid=run.uid, time=run.time, experiment=found.experiment, run=found.run
    )


def _by_time(place: RunPlace) -> Key:
    time = place.time
    return (-math.inf if time is None or math.isnan(time) else time), place.uid


def _by_number(place: RunPlace) -> Key:
    last = math.inf
    return (
        last if place.experiment is None else place.experiment,
        last if place.run is None else place.run,
        place.uid,
    )
