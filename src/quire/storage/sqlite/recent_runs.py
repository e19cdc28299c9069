"""The runs that were put last, kept so that their next change need not read them."""

from collections import OrderedDict

from quire.runs.run import Run

_REMEMBERED = 64


class RecentRuns:
    """Runs as they were put last, so that their next change need not read them."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, Run] = OrderedDict()

    def get(self, uid: str) -> Run | None:
        """Return a run if it is here."""
        return self._runs.get(uid)

    def put(self, run: Run) -> None:
        """Keep a run; the one not put for longest goes."""
        self._runs[run.uid] = run
        self._runs.move_to_end(run.uid)
        if len(self._runs) > _REMEMBERED:
            self._runs.popitem(last=False)

    def forget(self) -> None:
        """Forget all: what was put may not have been kept."""
        self._runs.clear()
