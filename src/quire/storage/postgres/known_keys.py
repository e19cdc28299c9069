"""Which short hashes a run has already, kept in memory for the runs in use.

What another server adds to a run lies behind what is known here: of one run the ids of
blocks and of adoptions grow in the order of the commits. So an index that was committed
never becomes wrong, only short, and what is missing is read from where it ends.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from quire.storage.key_index import KeyIndex


@dataclass(slots=True, kw_only=True)
class RunKeys:
    """What is known of one run.

    Attributes
    ----------
    index
        The numbers of the documents that have a key.
    last_block, last_adopted
        Where it ends.
    epoch
        The session's when it was last complete.
    """

    index: KeyIndex = field(default_factory=KeyIndex)
    last_block: int = 0
    last_adopted: int = 0
    epoch: int = -1


class KnownKeys:
    """A bounded memory of the keys of runs; least recently used go first.

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
        self._runs: OrderedDict[str, RunKeys] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._kept = 0
        self._noted: set[str] = set()

    def peek(self, run: str) -> RunKeys | None:
        """Return what is known of a run if anything is."""
        return self._runs.get(run)

    def get(self, run: str) -> RunKeys:
        """Return what is known of a run; forgotten again if the commit fails."""
        self._noted.add(run)
        found = self._runs.setdefault(run, RunKeys())
        self._runs.move_to_end(run)
        self._count(run, found.index.weight)
        while len(self._runs) > 1 and (
            self._kept > self._limit or len(self._runs) > self._most_runs
        ):
            oldest, _ = self._runs.popitem(last=False)
            self._count(oldest, 0)
        return found

    def keep(self) -> None:
        """Take note that what was noted is committed."""
        self._noted.clear()

    def forget(self) -> None:
        """Have what was noted since the last commit read again."""
        for run in self._noted:
            if self._runs.pop(run, None) is not None:
                self._count(run, 0)
        self._noted.clear()

    def _count(self, run: str, size: int) -> None:
        self._kept += size - self._sizes.pop(run, 0)
        if size:
            self._sizes[run] = size


class KnownAnchors:
    """The runs of anchors: once committed, an anchor never stands for another.

    Parameters
    ----------
    most
        How many to keep; least recently used go first.
    """

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._runs: OrderedDict[str, str] = OrderedDict()
        self._noted: set[str] = set()

    def get(self, anchor: str) -> str | None:
        """Return the run of an anchor if it is here."""
        run = self._runs.get(anchor)
        if run is not None:
            self._runs.move_to_end(anchor)
        return run

    def put(self, anchor: str, run: str) -> None:
        """Keep an anchor; forgotten again if the commit fails."""
        self._noted.add(anchor)
        self._runs[anchor] = run
        self._runs.move_to_end(anchor)
        if len(self._runs) > self._most:
            self._runs.popitem(last=False)

    def keep(self) -> None:
        """Take note that what was put is committed."""
        self._noted.clear()

    def forget(self) -> None:
        """Forget what was put since the last commit."""
        for anchor in self._noted:
            self._runs.pop(anchor, None)
        self._noted.clear()
