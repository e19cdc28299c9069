import random

import pytest

from quire.testing.growth import growth


def noisy(slope: float, *, seconds: int = 480) -> list[tuple[float, float]]:
    """Return a level of 200 with steps as an allocator makes, growing per second."""
    dice = random.Random(7)
    level, measured = 0.0, []
    for at in range(seconds):
        level = 0.9 * level + dice.gauss(0.0, 0.5)  # neighbours are alike
        measured.append((float(at), 200.0 + slope * at + level))
    return measured


def test_what_stays_flat_is_not_said_to_grow() -> None:
    found = growth(noisy(0.0))
    assert found.least < 0 < found.most
    assert found.most < 0.02 * found.level


@pytest.mark.parametrize("a_minute", [1.0, 2.0, 10.0])
def test_what_grows_is_told(a_minute: float) -> None:
    found = growth(noisy(a_minute / 60))
    assert found.slope == pytest.approx(a_minute / 60, abs=2 * found.error)
    assert found.least > 0
    assert found.most > 0.02 * found.level


def test_a_line_without_noise_is_exact() -> None:
    found = growth([(float(at), 5.0 + 3.0 * at) for at in range(100)])
    assert found.slope == pytest.approx(3.0)
    assert found.error == pytest.approx(0.0, abs=1e-6)
    assert found.seconds == 99.0


@pytest.mark.parametrize("count", [1, 2])
def test_a_line_needs_three_parts(count: int) -> None:
    with pytest.raises(ValueError, match="too few"):
        growth([(float(at), 1.0) for at in range(count)])
