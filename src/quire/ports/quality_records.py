"""The history of runs' quality, and the lists that were made of it."""

from typing import Protocol

from quire.runs.changes import Entry
from quire.runs.run_list import RunList


class RunHistory(Protocol):
    """Who changed what of which run; entries are added and never changed."""

    def append(self, entry: Entry) -> None:
        """Keep an entry; its version is one more than the run's last."""
        ...

    def of_run(self, uid: str) -> tuple[Entry, ...]:
        """Return the entries of a run by version."""
        ...

    def of_batch(self, batch: str) -> tuple[Entry, ...]:
        """Return what was changed in one go, by run; nothing for an empty name."""
        ...


class RunLists(Protocol):
    """Frozen lists of runs."""

    def put(self, frozen: RunList) -> None:
        """Keep a version of a list, in place of what was there as that version."""
        ...

    def get(self, name: str, version: int | None) -> RunList | None:
        """Return a version of a list, None for its newest."""
        ...

    def heads(self, name: str | None = None) -> tuple[RunList, ...]:
        """Return all versions without members, by name and version; None for all lists.

        What is decided of a name holds until the commit: nobody adds a version.
        """
        ...

    def advance(self, frozen: RunList) -> None:
        """Keep how many members of a version are marked; all else is as it was put.

        So that a long list is written once, not again for each few of its members.
        """
        ...

    def unfinished(self) -> tuple[RunList, ...]:
        """Return, without members, the lists of which not all are marked yet."""
        ...
