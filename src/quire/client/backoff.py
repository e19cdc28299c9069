"""How long to wait before the next try."""

import random


class Backoff:
    """Waits that double up to a limit, with jitter so that clients spread out.

    Parameters
    ----------
    first, most
        Seconds.
    """

    def __init__(self, *, first: float = 0.1, most: float = 5.0) -> None:
        self._first = first
        self._most = most
        self._tries = 0
        # The program's own random numbers stay as its seed makes them.
        self._random = random.Random()  # noqa: S311 - spreading, no secret

    def next(self) -> float:
        """Return the next wait in seconds."""
        wait = min(self._most, self._first * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return wait * self._random.uniform(0.5, 1.5)

    def reset(self) -> None:
        """Begin anew, after a success."""
        self._tries = 0
