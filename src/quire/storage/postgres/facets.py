"""Counters of runs by field, value and access list, kept with each change.

Nobody writes to a counter while runs change: a row that all writers count in would
make them wait for one another until each commit. Changes are rows of their own, summed
with the counters by whoever reads, and folded into them behind the work.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from quire.ports.run_finder import ValueCount
from quire.runs.searchable import facet_value
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.session import Session

Pairs = tuple[tuple[str, str], ...]
"""Sorted pairs of a field and one of its values."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Pairs).decode


class Facets:
    """The counters as one session sees them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def fold(self, limit: int) -> int:
        """Add at most so many changes to the counters; return how many.

        The caller sees to it that nobody else folds meanwhile.
        """
        row = self._session.row(sql.FACET_FOLD, (limit,))
        if row is None:
            return 0
        folded, *less = row
        if less[0]:
            self._session.run(sql.FACET_EMPTY, less)
        return int(folded)

    def values(
        self, fields: Iterable[str], lists: tuple[int, ...] | None, limit: int
    ) -> dict[str, tuple[ValueCount, ...]]:
        """Return the most frequent values of fields in some access lists, None all."""
        counted: dict[str, list[ValueCount]] = {field: [] for field in fields}
        bound: dict[str, Any] = {
            "kept": [0] if lists is None else list(lists),
            "fields": list(counted),
            "every": lists is None,
            "lists": list(lists or ()),
            "limit": limit,
        }
        rows = self._session.connection.execute(sql.FACET_VALUES.encode(), bound)
        for field, value, runs in rows:
            counted[field].append(ValueCount(value=facet_value(value), runs=runs))
        return {field: tuple(values) for field, values in counted.items()}


def changes(
    was: tuple[bytes, int] | None, now: tuple[bytes, int]
) -> list[tuple[str, str, int, int]]:
    """Return what to add to the counters as field, value, access list and runs.

    Parameters
    ----------
    was, now
        What `packed` made of a run's pairs, and the number of its access list.
    """
    before = set() if was is None else _counted(*was)
    after = _counted(*now)
    gone, new = sorted(before - after), sorted(after - before)
    return [*((*one, -1) for one in gone), *((*one, 1) for one in new)]


def packed(pairs: Pairs) -> bytes:
    """Return pairs as a run's row keeps them."""
    return _encode(pairs)


def _counted(encoded: bytes, access: int) -> set[tuple[str, str, int]]:
    return {(field, value, access) for field, value in _decode(encoded)}
