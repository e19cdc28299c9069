"""A doorbell for listeners in the same process as the store."""

import asyncio
import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterable

_Waiter = asyncio.Future[None]


class LocalDoorbell:
    """A `quire.ports.doorbell.Doorbell` for one process.

    Parameters
    ----------
    remembered
        How many topics keep a ticket of their own. Of topics rung longer ago only
        the highest ticket is known, so a listener of one of them may be woken for
        nothing; none is ever missed.
    """

    def __init__(self, *, remembered: int = 4096) -> None:
        self._remembered = remembered
        self._lock = threading.Lock()
        self._rings = 0
        self._forgotten = 0
        self._tickets: OrderedDict[str, int] = OrderedDict()
        self._waiters: dict[str, set[_Waiter]] = {}

    def ring(self, topics: Iterable[str]) -> None:
        """Wake all who wait for any of these topics; safe from any thread."""
        woken: dict[asyncio.AbstractEventLoop, list[_Waiter]] = {}
        with self._lock:
            self._rings += 1
            for topic in topics:
                self._tickets[topic] = self._rings
                self._tickets.move_to_end(topic)
                for waiter in self._waiters.pop(topic, ()):
                    woken.setdefault(waiter.get_loop(), []).append(waiter)
            while len(self._tickets) > self._remembered:
                _, self._forgotten = self._tickets.popitem(last=False)
        for loop, waiters in woken.items():
            _wake_in(loop, waiters)

    def ring_all(self) -> None:
        """Wake all who wait for anything: rings may have been missed."""
        woken: dict[asyncio.AbstractEventLoop, list[_Waiter]] = {}
        with self._lock:
            self._rings += 1
            self._forgotten = self._rings
            self._tickets.clear()
            for waiters in self._waiters.values():
                for waiter in waiters:
                    woken.setdefault(waiter.get_loop(), []).append(waiter)
            self._waiters.clear()
        for loop, members in woken.items():
            _wake_in(loop, members)

    def ticket(self, topic: str) -> int:
        """Return a number that changes with each ring of the topic."""
        with self._lock:
            return self._ticket(topic)

    async def wait(self, topic: str, ticket: int, timeout: float) -> bool:  # noqa: ASYNC109
        """Wait until the topic was rung since the ticket was taken.

        Parameters
        ----------
        timeout
            Seconds after which False is returned.
        """
        with self._lock:
            if self._ticket(topic) != ticket:
                return True
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.setdefault(topic, set()).add(waiter)
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError:
            return False
        finally:
            self._leave(topic, waiter)
        return True

    def _ticket(self, topic: str) -> int:
        return self._tickets.get(topic, self._forgotten)

    def _leave(self, topic: str, waiter: _Waiter) -> None:
        with self._lock:
            waiters = self._waiters.get(topic)
            if waiters is not None:
                waiters.discard(waiter)
                if not waiters:
                    del self._waiters[topic]


def _wake_in(loop: asyncio.AbstractEventLoop, waiters: list[_Waiter]) -> None:
    # A loop that has closed has nobody left who waits.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(_wake, waiters)


def _wake(waiters: list[_Waiter]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
