"""What is kept of described runs: good for its record alone, and bounded."""

from hypothesis import given
from hypothesis import strategies as st

from quire.runs.searchable import Searchable
from quire.storage.sqlite.recent_views import RecentViews


def view(name: str, leaves: int = 1) -> Searchable:
    return Searchable(leaves={f"{name}{number}": (number,) for number in range(leaves)})


def test_it_is_given_once_and_only_for_its_record() -> None:
    views = RecentViews()
    views.put(1, b"old", view("old"))
    views.put(1, b"new", view("new"))
    assert views.take(1, b"old") is None
    views.put(1, b"new", view("new"))
    assert views.take(1, b"new") == view("new")
    assert views.take(1, b"new") is None


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1))
def test_the_newest_are_kept_within_their_bound(puts: list[tuple[int, int]]) -> None:
    views = RecentViews(most=8)
    for number, leaves in puts:
        views.put(number, b"r", view("x", leaves))
    last, before = puts[-1], puts[:-1]
    assert views.take(last[0], b"r") == view("x", last[1])
    kept = [views.take(number, b"r") for number in {number for number, _ in before}]
    assert sum(len(one.leaves) for one in kept if one is not None) <= 8
    if before and before[-1][0] != last[0]:
        assert view("x", before[-1][1]) in kept


def test_a_long_record_weighs_as_much_as_many_leaves() -> None:
    views = RecentViews(most=8)
    views.put(1, b"r" * 1_000, view("long"))
    views.put(2, b"r" * 1_000, view("also"))
    assert views.take(1, b"r" * 1_000) is None
    assert views.take(2, b"r" * 1_000) == view("also")
