"""Pages of runs in the order of (experiment, run, uid), and where in it to look."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import apsw

from quire.ports.run_finder import RunPlace
from quire.runs.query.tree import Tree
from quire.storage.number_ranges import (
    ABSENT,
    LEAST,
    NumberRange,
    Place,
    number_range,
)
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.id_bounds import EVERY_ID, STRETCH_BITS, Ids, zones_of
from quire.storage.sqlite.run_pages import Walk
from quire.storage.sqlite.uids import to_text

_MOST_EXPERIMENTS = 100
# By its row id alone: SQLite would walk the index in the order wanted, to sort less.
_UNORDERED = "run NOT INDEXED"


class Span(NamedTuple):
    """Places in the order of both numbers; both ends included."""

    low: Place
    high: Place

    def asked(
        self,
        low_e: str = ":low_e",
        low_r: str = ":low_r",
        high_e: str = ":high_e",
        high_r: str = ":high_r",
    ) -> str:
        """Return what SQL asks of a run in it, under these names of its numbers."""
        same = self.low[0] == self.high[0]
        text = sql.IN_EXPERIMENT if same else sql.IN_NUMBERS
        return text.format(low_e=low_e, low_r=low_r, high_e=high_e, high_r=high_r)

    @property
    def bindings(self) -> dict[str, int]:
        """What is bound to the names of its own."""
        (e1, r1), (e2, r2) = self
        return {"low_e": e1, "low_r": r1, "high_e": e2, "high_r": r2}


_EVERYWHERE = NumberRange((LEAST, LEAST), (ABSENT, ABSENT), LEAST, ABSENT)


def spans(
    connection: apsw.Connection,
    tree: Tree | None,
    ids: Ids = EVERY_ID,
    *,
    descending: bool = False,
) -> Iterator[Span]:
    """Yield, in order, where all lies that a tree is true of; nothing twice.

    A range of run numbers, in whatever experiment, is a span in each of them: as many
    look-ups as there are experiments, up to a hundred.

    Parameters
    ----------
    ids
        Between which it lies besides.
    """
    found = number_range(tree) or _EVERYWHERE
    if not found.any_run:
        whole = _by_experiment(connection, found, descending=descending)
    else:
        whole = iter([Span(found.low, found.high)])
    for each in whole:
        if each.low > each.high:
            continue
        if ids == EVERY_ID:
            yield each
        else:
            yield from _by_zone(connection, each, ids, descending=descending)


def _by_zone(
    connection: apsw.Connection, within: Span, ids: Ids, *, descending: bool
) -> Iterator[Span]:
    """Yield what of a span lies in stretches of numbers some of which may be between."""
    (e1, r1), (e2, r2) = within
    places = (e1, r1 >> STRETCH_BITS, e2, r2 >> STRETCH_BITS)
    asked = (*places, *zones_of(ids))
    rows: list[Any] = connection.execute(sql.NUMBER_ZONES[descending], asked).fetchall()
    for experiment, stretch in rows:
        first = stretch << STRETCH_BITS
        last = first + (1 << STRETCH_BITS) - 1
        yield Span(
            max(within.low, (experiment, first)), min(within.high, (experiment, last))
        )


def _by_experiment(
    connection: apsw.Connection, found: NumberRange, *, descending: bool
) -> Iterator[Span]:
    low, high, least, most = found
    text = sql.LAST_EXPERIMENT if descending else sql.FIRST_EXPERIMENT
    for _ in range(_MOST_EXPERIMENTS):
        if low > high:
            return
        row: Any = connection.execute(text, (low[0], high[0])).fetchone()
        (experiment,) = row
        if experiment is None:
            return
        each = Span(max(low, (experiment, least)), min(high, (experiment, most)))
        if each.low <= each.high:
            yield each
        if descending:
            high = (experiment - 1, ABSENT)
        else:
            low = (experiment + 1, LEAST)
    if low <= high:
        yield Span(low, high)


class NumberedRow(NamedTuple):
    """What is read of a run to order it by its numbers, and its record."""

    experiment: int
    run: int
    uid: Any
    record: bytes

    @property
    def place(self) -> tuple[int, int, str]:
        """What it is ordered by."""
        return self.experiment, self.run, to_text(self.uid)


class NumberedPage:
    """A page of runs in the order of their numbers, from behind a place on."""

    def __init__(
        self,
        connection: apsw.Connection,
        behind: RunPlace | None,
        limit: int,
        *,
        descending: bool,
    ) -> None:
        self._connection = connection
        self._behind = None if behind is None else _place(behind)
        self._limit = limit
        self._descending = descending

    def walked(
        self,
        where: Iterable[Span],
        conditions: Sequence[str],
        bindings: Mapping[str, Any],
    ) -> list[NumberedRow]:
        """Return the page, runs met in order until it is full.

        Parameters
        ----------
        where
            Where they lie, in order.
        """
        found: list[NumberedRow] = []
        for each in where:
            rest = self._rest(each)
            if len(found) >= self._limit:
                break
            if rest.low <= rest.high:
                asked = [rest.asked(), *conditions]
                bound = {**bindings, **rest.bindings}
                found += self._read("run INDEXED BY run_number", asked, bound)
        return found[: self._limit]

    def gathered(self, walks: Sequence[Walk]) -> list[NumberedRow]:
        """Return the page, made of all that some walks meet."""
        found: list[NumberedRow] = []
        for walk in walks:
            source = _UNORDERED if walk.source == "run" else walk.source
            asked, bound = list(walk.conditions), dict(walk.bindings)
            if self._behind is not None:
                asked.append(sql.FROM_NUMBER[self._descending])
                bound |= {"experiment": self._behind[0], "number": self._behind[1]}
            found += self._read(source, asked, bound)
        found.sort(key=attrgetter("place"), reverse=self._descending)
        return found[: self._limit]

    def _read(
        self, source: str, conditions: Sequence[str], bindings: Mapping[str, Any]
    ) -> list[NumberedRow]:
        text = sql.numbered(source, conditions, descending=self._descending)
        # Runs of the very same numbers stand on both sides of the place.
        bound = {**bindings, "limit": self._limit + self._twins()}
        rows = (NumberedRow(*row) for row in self._connection.execute(text, bound))
        return [row for row in rows if self._follows(row)]

    def _rest(self, within: Span) -> Span:
        if self._behind is None:
            return within
        place = self._behind[:2]
        if self._descending:
            return within._replace(high=min(within.high, place))
        return within._replace(low=max(within.low, place))

    def _follows(self, row: NumberedRow) -> bool:
        if self._behind is None:
            return True
        if self._descending:
            return row.place < self._behind
        return row.place > self._behind

    def _twins(self) -> int:
        if self._behind is None:
            return 0
        row: Any = self._connection.execute(sql.TWINS, self._behind[:2]).fetchone()
        return int(row[0])


def _place(behind: RunPlace) -> tuple[int, int, str]:
    return (
        ABSENT if behind.experiment is None else behind.experiment,
        ABSENT if behind.run is None else behind.run,
        behind.uid,
    )
