"""What every doorbell must do; subclass it and give the fixture `doorbell`."""

import asyncio
import threading

import pytest

from quire.ports.doorbell import Doorbell
from quire.testing.waiting import PATIENCE


class DoorbellContract:
    """The guarantees of `quire.ports.doorbell`."""

    @pytest.fixture
    def doorbell(self) -> Doorbell:
        """Return the doorbell under test."""
        raise NotImplementedError

    async def test_a_ring_before_the_wait_is_not_missed(
        self, doorbell: Doorbell
    ) -> None:
        """Take the ticket, ring, then wait."""
        ticket = doorbell.ticket("a")
        doorbell.ring(["a"])
        assert doorbell.ticket("a") != ticket
        assert await doorbell.wait("a", ticket, PATIENCE)

    async def test_every_ring_changes_the_ticket(self, doorbell: Doorbell) -> None:
        """No two rings look the same."""
        seen = [doorbell.ticket("a")]
        for _ in range(20):
            doorbell.ring(["a"])
            seen.append(doorbell.ticket("a"))
        assert len(set(seen)) == len(seen)

    async def test_a_ring_from_another_thread_wakes_all_who_wait(
        self, doorbell: Doorbell
    ) -> None:
        """Several listeners of one topic, rung from a thread."""
        ticket = doorbell.ticket("a")
        waits = [
            asyncio.create_task(doorbell.wait("a", ticket, PATIENCE)) for _ in range(5)
        ]
        await asyncio.sleep(0)
        thread = threading.Thread(target=doorbell.ring, args=(["b", "a"],))
        thread.start()
        assert await asyncio.gather(*waits) == [True] * 5
        thread.join()

    async def test_another_topic_does_not_wake(self, doorbell: Doorbell) -> None:
        """The wait ends by its timeout, and says so."""
        ticket = doorbell.ticket("a")
        doorbell.ring(["b"])
        assert not await doorbell.wait("a", ticket, 0.01)
