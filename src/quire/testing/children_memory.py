"""The memory of all that a process has started."""

import threading
from typing import Self

import psutil

_LOOK = 0.05


class ChildrenMemory:
    """The most that a process's children use while the context lasts.

    Parameters
    ----------
    process
        Its number; None is this one.
    """

    def __init__(self, process: int | None = None) -> None:
        self._process = psutil.Process(process)
        self._ended = threading.Event()
        self._bare = self._most = 0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def above(self) -> int:
        """Return bytes above what they had at the beginning."""
        return self._most - self._bare

    def __enter__(self) -> Self:
        """Begin to look."""
        self._bare = self._sum()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK):
            self._most = max(self._most, self._sum())

    def _sum(self) -> int:
        """Return the unshared memory of all children; pages shared count once."""
        total = 0
        for child in self._process.children(recursive=True):
            try:
                total += child.memory_full_info().uss
            except psutil.NoSuchProcess:
                continue
        return total
