import threading
from collections.abc import Iterator

import pytest

from quire.engines.beating import THREAD, Beater
from quire.testing.waiting import PATIENCE


class Attempt:
    def __init__(self) -> None:
        self.looked = threading.Event()
        self.beaten = threading.Event()

    def look(self) -> None:
        self.looked.set()

    def beat(self) -> None:
        self.beaten.set()


@pytest.fixture
def beater() -> Iterator[Beater]:
    beater = Beater()
    yield beater
    beater.close()


def beating() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == THREAD]


def test_an_attempt_is_looked_after_while_it_lasts(beater: Beater) -> None:
    attempt = Attempt()
    with beater.beating(attempt, 0.01):
        assert attempt.looked.wait(PATIENCE)
        assert attempt.beaten.wait(PATIENCE)


def test_one_thread_serves_one_attempt_after_the_other(beater: Beater) -> None:
    before = len(beating())
    for _ in range(3):
        attempt = Attempt()
        with beater.beating(attempt, 0.01):
            assert attempt.beaten.wait(PATIENCE)
    assert len(beating()) == before + 1


def test_nothing_is_said_of_an_attempt_that_is_over(beater: Beater) -> None:
    first, second = Attempt(), Attempt()
    with beater.beating(first, 0.01):
        assert first.beaten.wait(PATIENCE)
    first.beaten.clear()
    with beater.beating(second, 0.01):
        assert second.beaten.wait(PATIENCE)
    assert not first.beaten.is_set()


def test_it_sleeps_without_attempts_and_wakes_for_the_next(beater: Beater) -> None:
    first, second = Attempt(), Attempt()
    with beater.beating(first, 0.01):
        assert first.beaten.wait(PATIENCE)
    while not beater.asleep:
        threading.Event().wait(0.02)
    with beater.beating(second, 0.01):
        assert second.beaten.wait(PATIENCE)


def test_a_closed_one_leaves_no_thread() -> None:
    before = len(beating())
    beater = Beater()
    with beater.beating(Attempt(), 1.0):
        assert len(beating()) == before + 1
    beater.close()
    assert len(beating()) == before


def test_work_that_fails_ends_the_beat_all_the_same(beater: Beater) -> None:
    attempt = Attempt()

    def work() -> None:
        with beater.beating(attempt, 0.01):
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        work()
    second = Attempt()
    with beater.beating(second, 0.01):
        assert second.beaten.wait(PATIENCE)
