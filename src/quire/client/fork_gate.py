"""Keeps a fork out of what a thread must not be in the midst of when one happens.

A child of a fork has one thread, and every lock as it was: one that another thread of
the parent held is never released there. Python makes its own anew, libraries do not:
a child forked while OpenSSL makes a context hangs as soon as it makes one.
"""

import os
import threading
import weakref
from types import TracebackType


class ForkGate:
    """A context in which no fork happens: it waits, so let it be short.

    Not for threads that fork while they are in it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Python calls these as long as the process lives.
        ours = weakref.ref(self._lock)
        held: list[threading.Lock] = []

        def before() -> None:
            lock = ours()
            if lock is not None:
                lock.acquire()
                held.append(lock)

        def after() -> None:
            if held:
                held.pop().release()

        os.register_at_fork(before=before, after_in_parent=after, after_in_child=after)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()
