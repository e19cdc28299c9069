import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quire.errors import TooLarge
from quire.web.shape import TooDeep, check_depth, check_items, check_values

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='[]{}"\\ab,\n', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet='[]{}"\\', max_size=4), inner, max_size=3)
    ),
    max_leaves=25,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(VALUES, st.integers(1, 6))
@example("[[", 1)
@example({"": []}, 1)
@example(["]", {"": [], '"': "["}], 2)
def test_depth_is_that_of_the_value(value: Any, limit: int) -> None:
    body = json.dumps(value).encode()
    if depth(value) > limit:
        with pytest.raises(TooDeep):
            check_depth(body, limit)
    else:
        check_depth(body, limit)


@pytest.mark.parametrize("levels", [65, 1025, 100_000, 2_000_000])
def test_deep_bodies_are_refused(levels: int) -> None:
    for begin, end in ((b"[", b"]"), (b'{"a":', b"}"), (b"[", b"")):
        with pytest.raises(TooDeep):
            check_depth(begin * levels + b"1" + end * levels, 64)


@given(st.lists(VALUES, max_size=12), st.integers(0, 12))
def test_items_are_counted(values: list[Any], limit: int) -> None:
    forms = [
        (json.dumps(values, indent=1).encode(), False),
        (b"\n\n".join(json.dumps(one).encode() for one in values), True),
    ]
    for body, lines in forms:
        if len(values) > limit:
            with pytest.raises(TooLarge):
                check_items(body, limit, lines=lines)
        else:
            check_items(body, limit, lines=lines)


def test_values_are_counted_outside_of_strings() -> None:
    check_values(json.dumps({"text": "," * 100, "quote": '",",'}).encode(), 10)
    with pytest.raises(TooLarge):
        check_values(json.dumps(list(range(11))).encode(), 10)
