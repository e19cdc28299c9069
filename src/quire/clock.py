"""What time it is and what the next id is, passed in so that tests decide."""

import os
import time
import uuid
from typing import Protocol

_AT_ONCE = 256


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
    """Version 4 UUIDs as lower-case dashed text (RFC 9562, section 5.4).

    The system is asked for the bytes of many at a time: each question costs a switch
    between threads, which is more than all the rest.
    """

    def __init__(self) -> None:
        self._spare: list[bytes] = []
        self._process = 0

    def new_id(self) -> str:
        """Return a fresh random UUID; from any thread."""
        if self._process != os.getpid():  # a fork must not make the same again
            self._spare, self._process = [], os.getpid()
        try:
            found = self._spare.pop()
        except IndexError:
            block = os.urandom(_AT_ONCE * 16)
            spare = [block[at : at + 16] for at in range(0, len(block), 16)]
            found = spare.pop()
            self._spare = spare
        return str(uuid.UUID(bytes=found, version=4))
