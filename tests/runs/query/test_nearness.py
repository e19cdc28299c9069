"""Which name was meant: the nearest, and the one that a slip has made another of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.runs.query.nearness import OneSlipAway, nearest

_names = st.text("abc", min_size=1, max_size=6)


def slips(name: str) -> set[str]:
    """Return all that one slip of the pen makes of a name, in the plainest way."""
    found = set()
    for at in range(len(name) + 1):
        before, behind = name[:at], name[at:]
        found |= {before + sign + behind for sign in "abc"}
        found |= {before + sign + behind[1:] for sign in "abc" if behind}
        found |= {before + behind[1:], before + behind[1::-1] + behind[2:]}
    return found


@given(known=st.sets(_names, max_size=4), name=_names)
def test_a_name_is_found_if_one_slip_leads_there(known: set[str], name: str) -> None:
    found = OneSlipAway(known).of(name)
    meant = {each for each in known if len(each) > 3 and name in slips(each)}
    assert found in meant if meant and len(name) > 2 else found is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("pla_name", "plan_name"),
        ("plan_nname", "plan_name"),
        ("plan_nane", "plan_name"),
        ("paln_name", "plan_name"),
        ("paln_nane", None),
        ("scann", None),  # of the shortest names everything is a slip
        ("e" * 63, "e" * 62),
        ("f" * 64, None),
    ],
)
def test_one_slip(name: str, found: str | None) -> None:
    assert OneSlipAway(["plan_name", "sca", "e" * 62, "f" * 63]).of(name) == found


def test_the_nearest_is_named_as_it_is_known() -> None:
    assert nearest("NIKEL", ["Copper", "Nickel", "Nickels"]) == "Nickel"
    assert nearest("copper", ["COPPER", "Copper"]) == "COPPER"
    assert nearest("abcde", ["vwxyz", "a"]) is None
    assert nearest("abc", ["abcdefg"]) == "abcdefg"
    assert nearest("abc", ["abcdefgh"]) is None
    assert nearest("x", []) is None
    assert nearest("a" * 64 + "b" * 5_000, ["a" * 64]) == "a" * 64


def test_of_very_many_names_the_first_that_could_be_are_looked_at() -> None:
    far = [f"{place:05}" for place in range(600)]
    assert nearest("abcde", [*far, "abcdf"]) is None
    assert nearest("abcdefghijkl", [*far, "abcdefghijkm"]) == "abcdefghijkm"
