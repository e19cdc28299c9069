"""Saying, for one attempt after the other, that their runner lives.

Most attempts are over before there is anything to say. To start a thread for each, and
to wait for its end, took longer than their work; so there is one for all.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Protocol

THREAD = "quire-beat"
"""Name of the thread, by which it is told from those that the work has left."""
# Seconds until what the work has printed can be read: at its beginning, and later on.
_SAID, _LOOK = 0.05, 0.25
# Looks without an attempt until the thread sleeps until it is woken.
_LINGER = 20


class Alive(Protocol):
    """What is to be said of an attempt."""

    def look(self) -> None:
        """Have what the work has printed seen."""
        ...

    def beat(self) -> None:
        """Say that the runner lives; raises nothing."""
        ...


class Beater:
    """A thread that looks after the attempt that is under way.

    Attributes
    ----------
    asleep
        Whether the thread waits for the next attempt without looking.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._process = os.getpid()
        self._thread: threading.Thread | None = None
        self.asleep = False
        self._over = False
        self._attempt: Alive | None = None
        self._seconds = 0.0
        self._looks = 0
        self._beaten = 0.0

    @contextlib.contextmanager
    def beating(self, attempt: Alive, seconds: float) -> Iterator[None]:
        """Say every so many seconds that the runner of an attempt lives.

        Nothing is said any more once the context is left.
        """
        with self._changed:
            self._attempt, self._seconds = attempt, seconds
            self._looks, self._beaten = 0, time.monotonic()
            if self._thread is None or self._process != os.getpid():
                self._begin()
            elif self.asleep:
                self._changed.notify()
        try:
            yield
        finally:
            # A fork of the work has no such thread, but maybe its lock.
            if self._process == os.getpid():
                with self._changed:
                    self._attempt = None

    def close(self) -> None:
        """End the thread."""
        thread, self._thread = self._thread, None
        if thread is not None and self._process == os.getpid():
            with self._changed:
                self._over = True
                self._changed.notify()
            thread.join()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        idle = 0
        with self._changed:
            while not self._over:
                self.asleep = idle > _LINGER
                self._changed.wait(None if self.asleep else self._pause())
                idle = 0 if self._attempt is not None else idle + 1
                if self._attempt is not None:
                    self._say(self._attempt)

    def _pause(self) -> float:
        longest = _LOOK if self._looks else _SAID
        if self._attempt is None:
            return _SAID
        left = self._beaten + self._seconds - time.monotonic()
        return min(longest, max(left, 0.0))

    def _say(self, attempt: Alive) -> None:
        self._looks += 1
        attempt.look()
        if time.monotonic() - self._beaten >= self._seconds:
            self._beaten = time.monotonic()
            attempt.beat()
