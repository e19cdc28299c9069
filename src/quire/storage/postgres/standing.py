"""Whether a store takes decisions, as its writers find it."""

import threading


class Standing:
    """What the writers of a store share; safe from any thread.

    Attributes
    ----------
    closing
        Set when the store is to end.
    """

    def __init__(self, writers: int) -> None:
        self.closing = threading.Event()
        self._writers = writers
        self._lock = threading.Lock()
        self._troubles: dict[int, str] = {}

    def trouble(self, writer: int, reason: str) -> None:
        """Say why a writer cannot write now; empty once it can."""
        with self._lock:
            if reason:
                self._troubles[writer] = reason
            else:
                self._troubles.pop(writer, None)

    @property
    def reason(self) -> str:
        """Why some writer cannot write, empty if all can."""
        with self._lock:
            return next(iter(self._troubles.values()), "")

    @property
    def unready(self) -> str:
        """Why nothing can be written, empty if something can."""
        if self.closing.is_set():
            return "it is closed"
        with self._lock:
            if len(self._troubles) < self._writers:
                return ""
            return next(iter(self._troubles.values()))
