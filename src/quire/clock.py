"""What time it is and what the next id is, passed in so that tests decide."""

import time
import uuid
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """Return Unix time in seconds."""
        ...


class IdMaker(Protocol):
    """Makes identifiers that nobody can guess."""

    def new_id(self) -> str:
        """Return a fresh random identifier."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return Unix time in seconds."""
        return time.time()


class RandomIds:
    """Version 4 UUIDs as lower-case dashed text (RFC 9562, section 5.4)."""

    def new_id(self) -> str:
        """Return a fresh random UUID."""
        return str(uuid.uuid4())
