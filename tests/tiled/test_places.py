import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.tiled.places import STRIDE, Places, from_number, to_number


@given(st.text(st.characters(min_codepoint=1, max_codepoint=127), min_size=1))
def test_cursors_come_back_from_numbers(cursor: str) -> None:
    assert from_number(to_number(cursor)) == cursor


def test_no_cursor_is_no_number() -> None:
    assert to_number(None) is None
    assert from_number(None) is None


@given(st.integers(0, 2**600))
def test_any_number_is_some_text(number: int) -> None:
    assert isinstance(from_number(number), str)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_nearest_known_place_counts(clock: Clock) -> None:
    places = Places(clock)
    assert places.nearest("all", 5000) == (0, None)
    for at in (STRIDE, 2 * STRIDE, 2 * STRIDE + 7):
        places.put("all", at, f"at {at}")
    assert places.nearest("all", 2 * STRIDE + 5) == (2 * STRIDE, "at 2000")
    assert places.nearest("all", 2 * STRIDE + 7) == (2 * STRIDE + 7, "at 2007")
    assert places.nearest("all", 2 * STRIDE - 1) == (STRIDE, "at 1000")
    assert places.nearest("all", STRIDE - 1) == (0, None)
    assert places.nearest("other", 5000) == (0, None)


def test_places_grow_old(clock: Clock) -> None:
    places = Places(clock)
    places.put("all", STRIDE, "x")
    clock.now += 3600
    assert places.nearest("all", 5000) == (0, None)


def test_only_so_many_places_are_remembered_the_latest(clock: Clock) -> None:
    places = Places(clock)
    for number in range(1, 1000):
        places.put("all", number, "x")
    assert places.nearest("all", 100) == (0, None)
    assert places.nearest("all", 5000) == (999, "x")


def test_only_so_many_lists_are_remembered(clock: Clock) -> None:
    places = Places(clock)
    for number in range(1000):
        places.put(str(number), STRIDE, "x")
    assert places.nearest("0", 5000) == (0, None)
    assert places.nearest("999", 5000) == (STRIDE, "x")
