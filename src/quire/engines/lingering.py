"""Attempts that have ended while their scheduler still lists them.

A scheduler's master that is killed before it has saved the end of a job lists it as
running for ever, and what waits for its place waits for ever too.
"""

from collections.abc import Mapping

from quire.ports.launcher import AttemptKey, There

_LOOKS = 3
"""So many looks find a job that ends by itself at most."""

_MOST = 10_000
_LISTED = (There.WAITING, There.RUNNING)


class Lingering:
    """What is over for us, until the scheduler says so too."""

    def __init__(self) -> None:
        self._seen: dict[AttemptKey, int] = {}

    def note(self, key: AttemptKey) -> None:
        """Watch an attempt that is over."""
        if len(self._seen) < _MOST:
            self._seen[key] = 0

    def keys(self) -> tuple[AttemptKey, ...]:
        """Return what the scheduler is to be asked about."""
        return tuple(self._seen)

    def stale(self, told: Mapping[AttemptKey, There]) -> list[AttemptKey]:
        """Return what the scheduler has to be rid of, by what it tells now."""
        found = []
        for key in self.keys():
            if told.get(key, There.UNKNOWN) not in _LISTED:
                del self._seen[key]
                continue
            self._seen[key] += 1
            # Asked again at intervals: the master that heard it may be gone again.
            if self._seen[key] % _LOOKS == 0:
                found.append(key)
        return found

    def forget(self) -> None:
        """Leave all of it to another server."""
        self._seen.clear()
