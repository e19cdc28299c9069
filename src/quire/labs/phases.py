"""The phases of starting and deleting a lab, which own the percentages.

Source: ``reference/labs.md`` section 4 (Nublado's controller): 1; 2, 5, 12, 20 where a
dead lab is deleted first; 30; then ever nearer to 75, above which JupyterHub counts.
A deletion by itself: 25, 62, 100; ours says before that it begins.
"""

import msgspec


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A phase between two percentages.

    Attributes
    ----------
    begin
        What it begins with.
    low, high
        What its shares are counted between.
    """

    begin: int
    low: int
    high: int

    def at(self, share: float) -> int:
        """Return the percentage at a share (0 to 1) of the phase."""
        return int(self.low + share * (self.high - self.low))

    def nearer(self, shown: int | None) -> int:
        """Return the percentage behind `shown`: a third of the way to the end."""
        return self.begin if shown is None else int(shown + (self.high - shown) / 3)


SPAWNING = 1
CLEARING = Span(begin=2, low=0, high=20)
PLACED = 30
COMING_UP = Span(begin=35, low=35, high=75)

DELETING = Span(begin=1, low=0, high=100)
# Shares of a deletion: its processes are asked to end; they have ended; all is gone.
ASKED, ENDED, DONE = 0.25, 0.62, 1.0
