import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.progress.phases import Phases

SHARES = st.dictionaries(st.text(max_size=3), st.floats(0.01, 1e6), min_size=1)


@given(SHARES, st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_percentages_grow_through_the_phases_to_100(
    shares: dict[str, float], parts: list[float]
) -> None:
    phases = Phases(shares)
    told = [
        phases.percent(name, part) for name in shares for part in [0, *sorted(parts), 1]
    ]
    assert told == sorted(told)
    assert all(1 <= percent <= 100 for percent in told)
    assert told[-1] == 100


def test_a_phase_owns_its_share() -> None:
    phases = Phases({"read": 5, "copy": 75, "check": 20})
    assert phases.percent("read") == 1
    assert phases.percent("copy") == 5
    assert phases.percent("copy", 50, 100) == 42
    assert phases.percent("copy", 200, 100) == 80
    assert phases.percent("check") == 80
    assert phases.percent("check", 0, 0) == 100


@pytest.mark.parametrize("shares", [{}, {"a": 0}, {"a": 2, "b": -1}])
def test_no_shares_of_a_whole_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no shares"):
        Phases(shares)
