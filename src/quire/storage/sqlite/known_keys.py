"""Which short hashes a run has already, kept in memory for the runs in use."""

from collections import OrderedDict

from quire.storage.key_index import KeyIndex
from quire.storage.sqlite.uids import Uid


class KnownKeys:
    """A bounded memory of the key indexes of runs; least recently used go first.

    Parameters
    ----------
    limit
        How many keys to keep over all runs (some 100 bytes each, 16 if sealed). The
        run in use stays however many it has.
    most_runs
        How many runs to keep.
    """

    def __init__(self, limit: int = 500_000, *, most_runs: int = 1024) -> None:
        self._limit = limit
        self._most_runs = most_runs
        self._runs: OrderedDict[Uid | None, KeyIndex] = OrderedDict()
        # As of the last time that another run was turned to: an index grows while it is
        # in use, and to count all for each new run would cost more than all else.
        self._sizes: dict[Uid | None, int] = {}
        self._kept = 0
        self._last: Uid | None = None

    def get(self, run: Uid | None) -> KeyIndex | None:
        """Return the run's index if it is here."""
        index = self._runs.get(run)
        if index is not None and run != self._last:
            self._turn_to(run)
        return index

    def put(self, run: Uid | None, index: KeyIndex) -> None:
        """Keep the run's index."""
        self._runs[run] = index
        self._turn_to(run)
        self._count(run, index.weight)
        while len(self._runs) > 1 and (
            self._kept > self._limit or len(self._runs) > self._most_runs
        ):
            oldest, _ = self._runs.popitem(last=False)
            self._count(oldest, 0)

    def forget(self, run: Uid | None) -> None:
        """Have the run's index read again from the store when next asked for."""
        if self._runs.pop(run, None) is not None:
            self._count(run, 0)

    def _turn_to(self, run: Uid | None) -> None:
        left = self._runs.get(self._last)
        if left is not None:  # it has grown for as long as it was in use
            self._count(self._last, left.weight)
        self._last = run
        self._runs.move_to_end(run)

    def _count(self, run: Uid | None, size: int) -> None:
        self._kept += size - self._sizes.pop(run, 0)
        if size:
            self._sizes[run] = size
