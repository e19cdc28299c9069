"""Attempts that have ended while their scheduler still lists them.

A scheduler's master that is killed before it has saved the end of a job lists it as
running for ever, and what waits for its place waits for ever too.
"""

from collections.abc import Mapping

from quire.ports.launcher import UNSEEN, AttemptKey, Seen, There

_LOOKS = 3
"""So many looks find a job that ends by itself at most."""

_MOST = 10_000
_LISTED = (There.WAITING, There.RUNNING)


class Lingering:
    """What is over for us, until the scheduler says so too."""

    def __init__(self) -> None:
        self._seen: dict[AttemptKey, int] = {}
        self._explained: set[AttemptKey] = set()

    def note(self, key: AttemptKey, *, explained: bool = False) -> None:
        """Watch an attempt that is over.

        Parameters
        ----------
        explained
            Whether nobody wonders how it ended: it was told, or was ours to end.
        """
        if len(self._seen) < _MOST:
            self._seen[key] = 0
            if explained:
                self._explained.add(key)

    def keys(self) -> tuple[AttemptKey, ...]:
        """Return what the scheduler is to be asked about."""
        return tuple(self._seen)

    def endings(self, told: Mapping[AttemptKey, Seen]) -> Mapping[AttemptKey, str]:
        """Return how the scheduler says that those ended of whom nobody knows.

        To be asked before `stale`, which forgets them.
        """
        asked = self._seen.keys() - self._explained
        ended = {key: one.why for key, one in told.items() if one.there is There.GONE}
        return {key: why for key, why in ended.items() if why and key in asked}

    def stale(self, told: Mapping[AttemptKey, Seen]) -> list[AttemptKey]:
        """Return what the scheduler has to be rid of, by what it tells now."""
        found = []
        for key in self.keys():
            if told.get(key, UNSEEN).there not in _LISTED:
                del self._seen[key]
                self._explained.discard(key)
                continue
            self._seen[key] += 1
            # Asked again at intervals: the master that heard it may be gone again.
            if self._seen[key] % _LOOKS == 0:
                self._explained.add(key)
                found.append(key)
        return found

    def forget(self) -> None:
        """Leave all of it to another server."""
        self._seen.clear()
        self._explained.clear()
