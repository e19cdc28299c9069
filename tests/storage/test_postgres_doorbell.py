import asyncio
import time
from collections.abc import Iterator

import psycopg
import pytest

from quire.ports.doorbell import Doorbell
from quire.storage.postgres.doorbell import PostgresDoorbell
from quire.storage.postgres.target import Target
from quire.testing.doorbell_contract import DoorbellContract
from quire.testing.waiting import PATIENCE


def _started(url: str) -> PostgresDoorbell:
    doorbell = PostgresDoorbell(Target(url))
    doorbell.start()
    return doorbell


@pytest.fixture
def pair(postgres_url: str) -> Iterator[tuple[PostgresDoorbell, PostgresDoorbell]]:
    one, other = _started(postgres_url), _started(postgres_url)
    yield one, other
    one.close()
    other.close()


class TestPostgresDoorbell(DoorbellContract):
    @pytest.fixture
    def doorbell(self, pair: tuple[PostgresDoorbell, PostgresDoorbell]) -> Doorbell:
        return pair[0]


async def test_a_ring_is_heard_in_another_process(
    pair: tuple[PostgresDoorbell, PostgresDoorbell],
) -> None:
    one, other = pair
    for topic in ("runs", "nul\0", "\ud7ff" * 10):
        ticket = other.ticket(topic)
        one.ring([topic])
        assert await other.wait(topic, ticket, PATIENCE)


async def test_more_topics_than_a_notification_holds_wake_for_everything(
    pair: tuple[PostgresDoorbell, PostgresDoorbell],
) -> None:
    one, other = pair
    tickets = {topic: other.ticket(topic) for topic in ("first", "unknown")}
    one.ring(["first", *(f"topic {number}" for number in range(2000))])
    for topic, ticket in tickets.items():
        assert await other.wait(topic, ticket, PATIENCE)


async def test_rings_are_told_together(postgres_url: str) -> None:
    doorbell = _started(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as listener:
        listener.execute("LISTEN quire_doorbell")
        begun = time.monotonic()
        for number in range(2000):
            doorbell.ring([f"topic {number % 10}"])
        doorbell.close()
        seconds = time.monotonic() - begun
        heard = list(listener.notifies(timeout=0.2))
    assert 1 <= len(heard) <= 20 * seconds + 2


async def test_what_was_rung_while_nobody_heard_wakes_everybody(
    pair: tuple[PostgresDoorbell, PostgresDoorbell], postgres_url: str
) -> None:
    one, other = pair
    ticket = other.ticket("runs")
    with psycopg.connect(postgres_url, autocommit=True) as operator:
        operator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'quire doorbell'"
        )
    one.ring(["runs"])
    assert await other.wait("runs", ticket, PATIENCE)
    # Both hear again.
    async with asyncio.timeout(PATIENCE):
        for ringer, hearer in ((one, other), (other, one)):
            ticket = hearer.ticket("again")
            while not await hearer.wait("again", ticket, 0.1):
                ringer.ring(["again"])
