"""The phases of starting and deleting a lab, which own the percentages.

Source: ``reference/labs.md`` section 4 (Nublado's controller): 1; 2, 5, 12, 20 where a
dead lab is deleted first; 30; then ever nearer to 75, above which JupyterHub counts.
A deletion by itself: 25, 62, 100; ours says before that it begins.
"""

from quire.progress.phases import Phases

CLEAR = "clear"
_PLACE, _OPEN, _COME_UP, _HUB = "place", "open", "come up", "hub"

SPAWN = Phases({CLEAR: 20, _PLACE: 10, _OPEN: 5, _COME_UP: 40, _HUB: 25})
DELETE = Phases({CLEAR: 1})

# Shares of a deletion within a start: it begins. Of any: its processes are asked to
# end; they have ended; all is gone.
BEGUN, ASKED, ENDED, DONE = 0.1, 0.25, 0.62, 1.0

SPAWNING = SPAWN.percent(CLEAR)
CLEARING = SPAWN.percent(CLEAR, BEGUN)
PLACED = SPAWN.percent(_PLACE, 1)
DELETING = DELETE.percent(CLEAR)

# Each message goes so much of the way that is left; none arrives.
_NEARER = 1 / 3
_MOST_MESSAGES = 12


def coming_up(messages: int) -> int:
    """Return the percentage after so many messages before this one."""
    left = (1 - _NEARER) ** min(messages, _MOST_MESSAGES)
    return SPAWN.percent(_COME_UP, 1 - left)
