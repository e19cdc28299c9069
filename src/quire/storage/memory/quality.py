"""The history of runs' quality and frozen lists in memory."""

from msgspec.structs import replace

from quire.runs.changes import Entry
from quire.runs.run_list import RunList
from quire.storage.memory.journal import Journal


class MemoryRunHistory:
    """`quire.ports.quality_records.RunHistory` in a dictionary."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._entries: dict[tuple[str, int], Entry] = {}

    def append(self, entry: Entry) -> None:
        """Keep an entry; its version is one more than the run's last."""
        self._journal.set(self._entries, (entry.run, entry.version), entry)

    def of_run(self, uid: str) -> tuple[Entry, ...]:
        """Return the entries of a run by version."""
        found = (entry for entry in self._entries.values() if entry.run == uid)
        return tuple(sorted(found, key=lambda entry: entry.version))

    def of_batch(self, batch: str) -> tuple[Entry, ...]:
        """Return what was changed in one go, by run."""
        every = self._entries.values() if batch else ()
        found = (entry for entry in every if entry.batch == batch)
        return tuple(sorted(found, key=lambda entry: (entry.run, entry.version)))


class MemoryRunLists:
    """`quire.ports.quality_records.RunLists` in a dictionary."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lists: dict[tuple[str, int], RunList] = {}

    def put(self, frozen: RunList) -> None:
        """Keep a version of a list, in place of what was there as that version."""
        self._journal.set(self._lists, (frozen.name, frozen.version), frozen)

    def get(self, name: str, version: int | None) -> RunList | None:
        """Return a version of a list, None for its newest."""
        versions = [of for known, of in self._lists if known == name]
        wanted = max(versions, default=0) if version is None else version
        return self._lists.get((name, wanted))

    def heads(self, name: str | None = None) -> tuple[RunList, ...]:
        """Return all versions without members, by name and version; None for all."""
        return tuple(
            replace(self._lists[key], members=())
            for key in sorted(self._lists)
            if name in (None, key[0])
        )

    def advance(self, frozen: RunList) -> None:
        """Keep how many members of a version are marked; all else is as it was put."""
        key = frozen.name, frozen.version
        there = self._lists[key]
        self._journal.set(self._lists, key, replace(there, tagged=frozen.tagged))

    def unfinished(self) -> tuple[RunList, ...]:
        """Return, without members, the lists of which not all are marked yet."""
        return tuple(
            replace(self._lists[key], members=())
            for key in sorted(self._lists)
            if self._lists[key].tagged < len(self._lists[key].members)
        )
