"""Searches in SQLite."""

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any

import apsw

from quire.access.visibility import Keys
from quire.ports.run_finder import (
    Count,
    RunOrder,
    RunPlace,
    SearchTooSlow,
    Selection,
    ValueCount,
)
from quire.runs.run import Run
from quire.runs.searchable import FACETS, GROWING, Describe, facet_value
from quire.storage.number_ranges import number_range
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.access_lists import AccessLists
from quire.storage.sqlite.few_runs import FEW
from quire.storage.sqlite.number_pages import NumberedPage, spans
from quire.storage.sqlite.run_pages import Row, Walk, in_order, page
from quire.storage.sqlite.runs import CODEC
from quire.storage.sqlite.search_plans import (
    Plan,
    in_numbers,
    matching,
    meets_few,
    plan,
)

_PAGE_SECONDS = 10.0
_COUNT_SECONDS = 0.3
_FIRST_LOOKED_AT = 24
"""So many stretches of 1,024 numbers are walked before rows are gathered and sorted."""

_FEW_GATHERED = 50_000
"""So many are, sooner than all are walked."""

# Of SQLite's machine between two looks at the clock: of rows with long texts each may
# take milliseconds.
_STEPS = 5_000


class SqliteRunFinder:
    """`quire.ports.run_finder.RunFinder` on one connection."""

    def __init__(self, connection: apsw.Connection, describe: Describe) -> None:
        self._connection = connection

        def has_words(*given: Any) -> bool:
            record, words = given
            found = describe(CODEC.decode(record)).words()
            return found.issuperset(words.split(" "))

        connection.create_scalar_function("has_words", has_words, 2)
        self._access = AccessLists(connection)

    def page(
        self,
        selection: Selection,
        order: RunOrder,
        behind: RunPlace | None,
        limit: int,
    ) -> tuple[Run, ...]:
        """Return matching runs in the order asked for, from behind a place on."""
        with self._limited(_PAGE_SECONDS):
            if order in (RunOrder.NUMBER, RunOrder.NUMBER_DESCENDING):
                found = self._by_number(selection, order, behind, limit)
            else:
                found = self._by_time(selection, order, behind, limit)
            return tuple(CODEC.decode(record) for record in found)

    def count(self, selection: Selection, most: int, *, lacking: bool = True) -> Count:
        """Count matching runs, up to so many."""
        texts = [
            (sql.each(walk.source, walk.conditions), walk.bindings)
            for walk in self._counted(selection)
        ]
        matched, exact = self._tally(texts, most)
        if selection.where is None or not lacking:
            return Count(matched=matched, lacking=0, exact=exact)
        lists = self._access.admitting(selection.visible)
        conditions, bindings = matching(selection.where, None, indexed=False)
        seen, _ = matching(None, lists, indexed=False)
        unknown = sql.each("run", [*seen, f"{conditions[0]} IS NULL"])
        left_out, all_told = self._tally([(unknown, bindings)], most)
        return Count(matched=matched, lacking=left_out, exact=exact and all_told)

    def distinct(
        self, selection: Selection, path: str, limit: int
    ) -> tuple[ValueCount, ...]:
        """Return the values of a field among matching runs, most frequent first."""
        if selection.where is None and path in FACETS:
            return self.facets((path,), selection.visible, limit)[path]
        totals: dict[tuple[str, Any], int] = {}
        escaped = path.replace("\\", "\\\\").replace('"', '\\"')
        with self._limited(_PAGE_SECONDS):
            for walk in self._plan(selection).walks:
                if path in GROWING:
                    text = sql.counts_of(walk.source, walk.conditions, f"run.{path}")
                else:
                    text = sql.values_of(walk.source, walk.conditions)
                bindings = {**walk.bindings, "path": f'$."{escaped}"'}
                for kind, value, runs in self._connection.execute(text, bindings):
                    key = (str(kind), value)
                    totals[key] = totals.get(key, 0) + int(str(runs))
        ranked = sorted(totals.items(), key=lambda item: (-item[1], str(item[0])))
        return tuple(
            ValueCount(value=_as_value(kind, value), runs=runs)
            for (kind, value), runs in ranked[:limit]
        )

    def facets(
        self, fields: tuple[str, ...], visible: Keys, limit: int
    ) -> dict[str, tuple[ValueCount, ...]]:
        """Return, from kept counters, how many runs have each value of fields."""
        lists = self._access.admitting(visible)
        text = sql.facet_values(lists)
        return {
            field: tuple(
                ValueCount(value=facet_value(value), runs=runs)
                for value, runs in self._rows(text, {"field": field, "limit": limit})
            )
            for field in fields
        }

    def explain(self, selection: Selection, order: RunOrder) -> tuple[str, ...]:
        """Return, line by line, how the selection would be found."""
        chosen = self._plan(selection)
        lines = [f"order: {order.value}", chosen.why]
        for walk in chosen.walks:
            text = sql.each(walk.source, walk.conditions)
            bindings = {**walk.bindings, "most": 1}
            lines += [
                str(row[3])
                for row in self._connection.execute(
                    f"EXPLAIN QUERY PLAN {text}", bindings
                )
            ]
        return tuple(lines)

    def _plan(self, selection: Selection, *, descending: bool = True) -> Plan:
        lists = self._access.admitting(selection.visible)
        return plan(self._connection, selection, lists, descending=descending)

    def _counted(self, selection: Selection) -> Sequence[Walk]:
        chosen, where = self._plan(selection), selection.where
        if chosen.few or number_range(where) is None:
            return chosen.walks
        if chosen.match is not None and meets_few(
            self._connection, chosen, _FEW_GATHERED
        ):
            return chosen.walks
        lists = self._access.admitting(selection.visible)
        asked, bound = matching(where, lists, indexed=False)
        ids = {"first": chosen.ids[0], "last": chosen.ids[1]}
        # What the index has is asked first: by that alone no run is read.
        return [
            Walk(
                "run INDEXED BY run_number",
                "",
                [each.asked(), sql.BETWEEN_IDS, *asked],
                {**bound, **ids, **each.bindings},
            )
            for each in spans(self._connection, where)
        ]

    def _by_number(
        self,
        selection: Selection,
        order: RunOrder,
        behind: RunPlace | None,
        limit: int,
    ) -> Iterator[bytes]:
        descending = order is RunOrder.NUMBER_DESCENDING
        page = NumberedPage(self._connection, behind, limit, descending=descending)
        chosen, where = self._plan(selection), selection.where
        if meets_few(self._connection, chosen, FEW):
            return (row.record for row in page.gathered(chosen.walks))
        lists = self._access.admitting(selection.visible)
        asked = matching(where, lists, indexed=False)
        numbers = in_numbers(self._connection, chosen, where, descending=descending)
        rows = page.walked(itertools.islice(numbers, _FIRST_LOOKED_AT), *asked)
        following = next(numbers, None)
        if len(rows) < limit and following is not None:
            if meets_few(self._connection, chosen, _FEW_GATHERED):
                rows = page.gathered(chosen.walks)
            else:
                rows += page.walked(itertools.chain([following], numbers), *asked)
        return (row.record for row in rows[:limit])

    def _by_time(
        self,
        selection: Selection,
        order: RunOrder,
        behind: RunPlace | None,
        limit: int,
    ) -> Iterator[bytes]:
        descending = order is RunOrder.NEWEST
        place = None if behind is None else (behind.time, behind.uid)
        rows: list[Row] = []
        for walk in self._plan(selection, descending=descending).walks:
            rows += page(self._connection, walk, behind=place, limit=limit)
        ordered = in_order(rows, descending=descending)
        return (row.record for row in ordered[:limit])

    def _tally(self, texts: Sequence[tuple[str, Any]], most: int) -> tuple[int, bool]:
        total, exact = 0, True
        for text, bindings in texts:
            left = most + 1 - total
            try:
                with self._limited(_COUNT_SECONDS):
                    for _ in self._rows(text, {**bindings, "most": left}):
                        total += 1
            except SearchTooSlow:
                exact = False
        return min(total, most), exact and total <= most

    def _rows(self, text: str, bindings: Any) -> Iterator[tuple[Any, ...]]:
        return iter(self._connection.execute(text, bindings))

    @contextlib.contextmanager
    def _limited(self, seconds: float) -> Iterator[None]:
        deadline = time.monotonic() + seconds
        self._connection.set_progress_handler(
            lambda: time.monotonic() > deadline, _STEPS
        )
        try:
            yield
        except apsw.InterruptError:
            raise SearchTooSlow(seconds) from None
        finally:
            self._connection.set_progress_handler(None)


def _as_value(kind: str, value: Any) -> Any:
    return value == 1 if kind in ("true", "false") else value
