"""What the writer read lately, until something is taken back."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class ShortMemory(Generic[K, V]):
    """A bounded memory of rows that only the writer changes.

    Each statement that is not run spares the writer a turn of the interpreter's lock.

    Parameters
    ----------
    most
        How much to keep; then it begins anew.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._held: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return what is known of a key."""
        return self._held.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep what was read."""
        if len(self._held) >= self._most:
            self._held.clear()
        self._held[key] = value

    def forget(self) -> None:
        """Forget all: what was read may have been taken back."""
        self._held.clear()
