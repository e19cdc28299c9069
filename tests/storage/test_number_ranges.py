"""Between what numbers of runs a tree is true of any: never too narrow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.runs.leaves import Leaves
from quire.runs.query.evaluate import evaluate
from quire.runs.query.tree import And, Between, Compare, Not, OneOf, Operator, Or, Tree
from quire.storage.number_ranges import ABSENT, LEAST, MOST, number_range

_fields = st.sampled_from(["experiment", "run", "start.n"])
_numbers = st.sampled_from([-1, 0, 1, 2, 3, 1.5, 1e300, -1e300, MOST, float(2**63)])
_leaves = st.one_of(
    st.builds(
        Compare, field=_fields, operator=st.sampled_from(Operator), value=_numbers
    ),
    st.builds(
        lambda field, ends: Between(field=field, low=min(ends), high=max(ends)),
        _fields,
        st.tuples(_numbers, _numbers),
    ),
    st.builds(OneOf, field=_fields, values=st.lists(_numbers, min_size=1).map(tuple)),
)
_trees = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.builds(And, parts=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, parts=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, part=inner),
    ),
    max_leaves=8,
)
_place = st.sampled_from([None, -1, 0, 1, 2, 3, MOST, LEAST + 1])


@given(_trees, _place, _place, st.sampled_from([None, 1]))
def test_no_run_that_matches_is_left_out(
    tree: Tree, experiment: int | None, run: int | None, n: int | None
) -> None:
    named = {"experiment": experiment, "run": run, "start.n": n}
    leaves: Leaves = {k: (v,) for k, v in named.items() if v is not None}
    found = number_range(tree)
    if found is not None and evaluate(tree, leaves, frozenset()):
        place = tuple(ABSENT if one is None else one for one in (experiment, run))
        assert found.low <= place <= found.high
        assert found.least <= place[1] <= found.most


def _compare(field: str, operator: Operator, value: float) -> Tree:
    return Compare(field=field, operator=operator, value=value)


def test_a_place_in_the_order_of_both_is_found() -> None:
    """As the RunDB face says ``from=26:100&to=27:3``."""
    low = Or(
        parts=(
            _compare("experiment", Operator.GREATER, 26),
            And(
                parts=(
                    _compare("experiment", Operator.EQUAL, 26),
                    _compare("run", Operator.GREATER_OR_EQUAL, 100),
                )
            ),
        )
    )
    high = Or(
        parts=(
            _compare("experiment", Operator.LESS, 27),
            And(
                parts=(
                    _compare("experiment", Operator.EQUAL, 27),
                    _compare("run", Operator.LESS_OR_EQUAL, 3),
                )
            ),
        )
    )
    found = number_range(And(parts=(low, high)))
    assert found is not None
    assert (found.low, found.high) == ((26, 100), (27, 3))
    assert found.any_run


@pytest.mark.parametrize(
    ("operator", "value", "least", "most"),
    [
        (Operator.GREATER, 5, 6, MOST),
        (Operator.GREATER_OR_EQUAL, 5, 5, MOST),
        (Operator.GREATER, 4.5, 5, MOST),
        (Operator.LESS, 5, LEAST, 4),
        (Operator.LESS, 5.5, LEAST, 5),
        (Operator.EQUAL, 5.0, 5, 5),
    ],
)
def test_a_comparison_bounds_the_run_number(
    operator: Operator, value: float, least: int, most: int
) -> None:
    found = number_range(_compare("run", operator, value))
    assert found is not None
    assert (found.least, found.most) == (least, most)


def test_nothing_is_said_by_what_asks_for_no_number() -> None:
    assert number_range(None) is None
    assert number_range(Not(part=_compare("run", Operator.EQUAL, 5))) is None
    assert number_range(_compare("run", Operator.NOT_EQUAL, 5)) is None
