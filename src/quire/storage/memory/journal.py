"""How a decision in memory is taken back."""

from collections.abc import Callable, MutableMapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Journal:
    """Notes how to undo each change, and which topics it is to ring."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []
        self.topics: set[str] = set()

    def set(self, table: MutableMapping[K, V], key: K, value: V) -> None:
        """Change a table."""
        if key in table:
            former = table[key]
            self._undo.append(lambda: table.__setitem__(key, former))
        else:
            self._undo.append(lambda: table.pop(key))
        table[key] = value

    def remove(self, table: MutableMapping[K, V], key: K) -> None:
        """Take a key that is there out of a table."""
        former = table.pop(key)
        self._undo.append(lambda: table.__setitem__(key, former))

    def begin(self) -> None:
        """Forget what was noted: it stands now."""
        self._undo = []
        self.topics = set()

    def take_back(self) -> None:
        """Undo everything that was noted."""
        for undo in reversed(self._undo):
            undo()
        self.begin()
