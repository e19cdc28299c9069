import pytest

from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.doorbell_contract import DoorbellContract


class TestLocalDoorbell(DoorbellContract):
    @pytest.fixture
    def doorbell(self) -> LocalDoorbell:
        return LocalDoorbell()


async def test_topics_of_the_past_take_no_room_and_are_not_missed() -> None:
    doorbell = LocalDoorbell(remembered=8)
    doorbell.ring(["first"])
    rung = doorbell.ticket("first")
    for number in range(100):
        doorbell.ring([f"topic {number}"])
    assert len(doorbell._tickets) == 8
    before = doorbell.ticket("first")
    assert before >= rung
    doorbell.ring(["first"])
    assert await doorbell.wait("first", before, 1.0)


async def test_those_who_gave_up_are_forgotten() -> None:
    doorbell = LocalDoorbell()
    assert not await doorbell.wait("topic", doorbell.ticket("topic"), 0.0)
    assert doorbell._waiters == {}
