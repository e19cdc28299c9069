"""Whether commits are quick enough to be waited for by a loop that serves others."""

PATIENCE = 0.002
"""Seconds that a loop may wait for a commit."""
_REST = 10


class Pace:
    """What the disk has shown of late.

    Who waits for a commit on an event loop keeps all others waiting. A quick disk
    takes less time for it than a way to another thread and back. After one commit that
    was slow all go that way, for ten times as long as it took: so slow commits
    never hold up a loop for more than a tenth of its time, and a disk that hangs
    holds it up once.

    Parameters
    ----------
    patience
        Seconds; a commit that takes longer is slow.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._resting_until = 0.0

    def took(self, seconds: float, *, now: float) -> None:
        """Take note of a commit.

        Parameters
        ----------
        seconds
            What it took.
        now
            Its end, by the clock that `is_quick` is asked with.
        """
        if seconds > self._patience:
            rests = now + seconds * _REST
            self._resting_until = max(self._resting_until, rests)

    def is_quick(self, now: float) -> bool:
        """Return whether the next commit may be waited for."""
        return now >= self._resting_until
