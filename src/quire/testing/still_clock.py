"""A clock that moves only when told."""


class StillClock:
    """Fakes `quire.clock.Clock`.

    Parameters
    ----------
    at
        Unix seconds.
    """

    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        """Return the time that was set."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds
