"""The records of inlets in memory."""

from collections.abc import Sequence

from quire.ports.inlet_records import InletPosition, SetAside
from quire.storage.memory.journal import Journal


class MemoryInlets:
    """`quire.ports.inlet_records.InletRecords` in dictionaries."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._positions: dict[tuple[str, str], InletPosition] = {}
        self._aside: dict[tuple[str, str, str], SetAside] = {}

    def positions(self, inlet: str) -> tuple[InletPosition, ...]:
        """Return how far an inlet has come, by key."""
        found = [
            position for (name, _), position in self._positions.items() if name == inlet
        ]
        return tuple(sorted(found, key=lambda position: position.key))

    def move(self, inlet: str, positions: Sequence[InletPosition]) -> None:
        """Note positions, each in place of the former one of its key."""
        for position in positions:
            self._journal.set(self._positions, (inlet, position.key), position)

    def set_aside(self, item: SetAside) -> None:
        """Keep an item; the same content from the same place is kept once."""
        key = (item.inlet, item.place, item.digest)
        if key not in self._aside:
            self._journal.set(self._aside, key, item)

    def aside(self, inlet: str, after: int, limit: int) -> tuple[SetAside, ...]:
        """Return what was set aside, in order, but for the first `after`."""
        found = [item for item in self._aside.values() if item.inlet == inlet]
        begin = max(after, 0)
        return tuple(found[begin : begin + max(limit, 0)])

    def aside_count(self, inlet: str) -> int:
        """Return how many items are set aside."""
        return sum(item.inlet == inlet for item in self._aside.values())
