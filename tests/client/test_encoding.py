import datetime as dt
import enum
import json
import math
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.client.encoding import encode

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
odd_keys = st.none() | st.integers() | st.text() | st.binary() | st.tuples(st.text())
anything = st.recursive(
    plain | st.binary() | st.complex_numbers() | st.datetimes() | st.sets(st.text()),
    lambda inner: st.tuples(inner, inner) | st.dictionaries(odd_keys, inner),
    max_leaves=20,
)


class Colour(enum.Enum):
    RED = "red"


@given(st.dictionaries(st.text(), plain))
def test_what_json_can_hold_is_kept(doc: dict[str, Any]) -> None:
    line = encode("event", doc)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert repr(json.loads(line)) == repr(["event", doc])


@given(anything)
def test_anything_becomes_one_line_of_json(doc: Any) -> None:
    line = encode("event", doc)
    assert line.count(b"\n") == 1
    assert json.loads(line)[0] == "event"


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(1), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.datetime64("2026-11-01"), "2026-11-01"),
        (np.longdouble(1.5), 1.5),
        (np.array([1.5, 2], np.longdouble), [1.5, 2.0]),
        (np.clongdouble(1 + 2j), [1.0, 2.0]),
        (Decimal("1.5"), 1.5),
        (Fraction(3, 2), 1.5),
        (b"text", "text"),
        (b"\xff\x00", "/wA="),
        ({"b", "a"}, ["a", "b"]),
        ((1, 2), [1, 2]),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (dt.datetime(2026, 11, 1, tzinfo=dt.UTC), "2026-11-01T00:00:00+00:00"),
        (Colour.RED, "red"),
        (1 + 2j, [1.0, 2.0]),
        ({(1, 2): 3}, {"[1, 2]": 3}),
        (2**100, 2**100),
        ("a\udc80b", "a\\udc80b"),
        ({"\ud800": 1}, {"\\ud800": 1}),
    ],
)
def test_what_becomes_of_other_values(value: Any, becomes: Any) -> None:
    assert json.loads(encode("event", {"x": value}))[1]["x"] == becomes


def test_nan_stays_bare() -> None:
    line = encode("event", {"x": math.nan, "y": -math.inf})
    assert line == b'["event",{"x":NaN,"y":-Infinity}]\n'


def test_what_contains_itself_ends() -> None:
    endless: list[Any] = [1]
    endless += [endless, endless]
    assert json.loads(encode("event", {"x": endless}))[1]["x"] == [1, "...", "..."]
