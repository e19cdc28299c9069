"""The row ids of runs, whatever their start time."""

import sys

from hypothesis import example, given
from hypothesis import strategies as st

from quire.storage.sqlite.order_keys import span

TIMES = st.floats(allow_nan=False)
LARGEST = sys.float_info.max


@given(TIMES, TIMES)
@example(LARGEST, -LARGEST)
@example(LARGEST, 1.7e9)
def test_ids_stand_in_the_order_of_times(one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert span(None)[1] < span(early)[0] <= span(late)[0]
    assert -(2**63) <= span(early)[0] < span(early)[1] < 2**63
