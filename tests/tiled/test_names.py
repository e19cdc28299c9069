"""What things are called in addresses that tiled's clients make."""

from hypothesis import given
from hypothesis import strategies as st

from quire.tiled.names import addressed

NAMES = st.text("ab?#/%_2F\n", max_size=4)


def test_what_would_be_another_part_of_an_address_is_an_underscore() -> None:
    wanted = {
        "a?b": "a_b",
        "a#b": "a_b_",
        "a/b": "a_b__",
        "a\nb": "a_b___",
        "a%2Fb": "a_2Fb",
        "50%": "50%",
        "x y": "x y",
        "": "_",
    }
    assert addressed(wanted) == wanted


def test_a_name_that_stands_is_left_to_whose_it_is() -> None:
    assert addressed(["a?b", "a_b"]) == {"a?b": "a_b_", "a_b": "a_b"}
    assert addressed(["in", "in_"], {"in"}) == {"in": "in__", "in_": "in_"}


@given(st.lists(NAMES), st.sets(NAMES))
def test_no_two_are_called_the_same(names: list[str], taken: set[str]) -> None:
    found = addressed(names, taken)
    assert set(found) == set(names)
    assert len(set(found.values())) == len(found)
    assert taken.isdisjoint(found.values())
