"""What runs are searched by, as other processes can be told."""

import msgspec

from quire.runs.facility import by_keys
from quire.runs.run import Run
from quire.runs.searchable import Searchable, searchable


class ByKeys(msgspec.Struct, frozen=True):
    """What a run is searched by where its numbers stand under keys of its start.

    Unlike `quire.runs.searchable.describe` it goes to other processes.
    """

    experiment: int | str
    run: str

    def __call__(self, run: Run) -> Searchable:
        """Return what a run is searched by."""
        return searchable(run, by_keys(self.experiment, self.run))
