"""Indexes of runs in memory: a list of wishes, since every search looks at all."""

from quire.ports.run_index import FieldIndex
from quire.storage.memory.journal import Journal


class MemoryRunIndex:
    """`quire.ports.run_index.RunIndex` that indexes nothing."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._fields: dict[str, FieldIndex] = {}

    def feed(self, limit: int) -> int:
        """Return 0: there is never anything to index."""
        del limit
        return 0

    def described_as(self, version: str) -> bool:
        """Return False: every search describes the runs that it looks at."""
        del version
        return False

    def listed(self) -> tuple[FieldIndex, ...]:
        """Return the indexes that were added."""
        return tuple(self._fields[path] for path in sorted(self._fields))

    def add(self, path: str) -> None:
        """Note that a field is to be indexed."""
        self._journal.set(self._fields, path, FieldIndex(path=path))

    def remove(self, path: str) -> None:
        """Note that a field is no longer to be indexed."""
        if path in self._fields:
            self._journal.remove(self._fields, path)
