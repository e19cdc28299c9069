"""The runs that were put last, kept so that their next change need not read them."""

from collections import OrderedDict
from typing import NamedTuple

from quire.runs.run import Run

_REMEMBERED = 512


class Recent(NamedTuple):
    """A run as it was put last.

    Attributes
    ----------
    id
        Of its row.
    """

    run: Run
    id: int


class RecentRuns:
    """Runs as they were put last, so that their next change need not read them."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, Recent] = OrderedDict()

    def get(self, uid: str) -> Recent | None:
        """Return a run if it is here."""
        return self._runs.get(uid)

    def put(self, recent: Recent) -> None:
        """Keep a run; the one not put for longest goes."""
        uid = recent.run.uid
        self._runs[uid] = recent
        self._runs.move_to_end(uid)
        if len(self._runs) > _REMEMBERED:
            self._runs.popitem(last=False)

    def forget(self) -> None:
        """Forget all: what was put may not have been kept."""
        self._runs.clear()
