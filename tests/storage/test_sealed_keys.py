"""Keys of long runs in sorted arrays."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.storage import sealed_keys
from quire.storage.sealed_keys import SealedKeys
from quire.storage.sqlite.known_keys import KeyIndex, add_all, hits, numbers, seal

KEYS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
PAIRS = st.lists(st.tuples(KEYS, st.integers(1, 2**62)), min_size=1, unique=True)


@given(st.lists(PAIRS, max_size=5), st.lists(KEYS, min_size=1, unique=True))
def test_it_is_a_dictionary_of_sets(
    parts: list[list[tuple[int, int]]], asked: list[int]
) -> None:
    sealed = SealedKeys()
    expected = defaultdict(list)
    for part in parts:
        sealed.add(part)
        for key, number in part:
            expected[key].append(number)
    for wanted in (asked, list(expected) or [0]):
        found = defaultdict(list)
        for key, number in sealed.find(wanted):
            found[key].append(number)
        for key in wanted:
            assert sorted(found[key]) == sorted(expected.get(key, []))
    assert len(sealed) == sum(map(len, parts))


def test_large_parts_are_not_merged() -> None:
    sealed = SealedKeys()
    half = sealed_keys._LARGEST // 2
    for part in range(3):
        sealed.add([(part * half + place, place) for place in range(half)])
    assert [len(keys) for keys, _ in sealed._parts] == [2 * half, half]
    assert list(sealed.find([half + 7])) == [(half + 7, 7)]


@given(
    st.lists(
        st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=3), max_size=6),
        max_size=8,
    )
)
def test_an_index_knows_the_same_sealed_or_not(
    deliveries: list[list[list[int]]],
) -> None:
    plain, often = KeyIndex(), KeyIndex()
    first = 1
    for keys in deliveries:
        for index in (plain, often):
            add_all(index, keys, first)
        first += len(keys)
        seal(often, most=4)
    assert len(often) <= 4
    asked = list(range(31))
    expected = {key: set(numbers(plain, key)) for key in plain}
    for index in (plain, often):
        found = hits(index, asked)
        assert {key: set(every) for key, every in found.items()} == expected
    assert hits(often, [31]) == {}


@pytest.mark.parametrize("most", [3, 100])
def test_what_is_sealed_weighs_less(most: int) -> None:
    index = KeyIndex()
    add_all(index, [[key] for key in range(80)], 1)
    seal(index, most=most)
    assert index.weight == (80 if most == 100 else 10)
