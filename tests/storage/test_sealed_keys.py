"""Keys of long runs in sorted arrays."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.storage import sealed_keys
from quire.storage.key_index import KeyIndex
from quire.storage.sealed_keys import SealedKeys

KEYS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
PAIRS = st.lists(st.tuples(KEYS, st.integers(1, 2**62)), min_size=1, unique=True)


@given(st.lists(PAIRS, max_size=5), st.lists(KEYS, min_size=1, unique=True))
def test_it_is_a_dictionary_of_sets(
    parts: list[list[tuple[int, int]]], asked: list[int]
) -> None:
    sealed = SealedKeys()
    expected = defaultdict(list)
    for part in parts:
        sealed.add(*zip(*part, strict=True))
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
        sealed.add(range(part * half, (part + 1) * half), range(half))
    assert [len(keys) for keys, _ in sealed._parts] == [2 * half, half]
    assert list(sealed.find([half + 7])) == [(half + 7, 7)]


KEYS_OF_DOCUMENTS = st.lists(
    st.lists(st.integers(0, 30), min_size=1, max_size=3), max_size=6
)


@given(st.lists(KEYS_OF_DOCUMENTS, max_size=8), st.lists(st.integers(0, 30)))
def test_an_index_knows_the_same_sealed_or_not(
    deliveries: list[list[list[int]]], asked: list[int]
) -> None:
    plain, often, single = KeyIndex(), KeyIndex(), KeyIndex()
    expected: dict[int, set[int]] = defaultdict(set)
    first = 1
    for keys in deliveries:
        for number, own in enumerate(keys, first):
            plain.add(own, number)
            often.add(own, number)
            for key in own:
                expected[key].add(number)
        single.add_each([own[0] for own in keys], first)
        first += len(keys)
        often.seal(most=4)
        plain.find(asked)
    assert len(often) <= 4
    for index in (plain, often):
        found = index.find(range(31))
        assert {key: set(every) for key, every in found.items()} == expected
    assert often.find([31]) == {}
    assert single.find(range(31)).keys() <= expected.keys()


@given(KEYS_OF_DOCUMENTS, st.data())
def test_what_is_removed_is_not_found(
    keys: list[list[int]], data: st.DataObject
) -> None:
    index = KeyIndex()
    for number, own in enumerate(keys):
        index.add(own, number)
    gone = data.draw(st.sets(st.integers(0, len(keys))))
    for number in gone.intersection(range(len(keys))):
        index.remove(keys[number], number)
    left = {
        key: {n for n, own in enumerate(keys) if key in own and n not in gone}
        for key in range(31)
    }
    expected = {key: several for key, several in left.items() if several}
    found = index.find(range(31))
    assert {key: set(several) for key, several in found.items()} == expected
    assert len(index) == len(expected)


@pytest.mark.parametrize("most", [3, 100])
def test_what_is_sealed_weighs_less(most: int) -> None:
    index = KeyIndex()
    index.add_each(range(80), 1)
    index.seal(most=most)
    assert index.weight == (80 if most == 100 else 10)
    assert index.find([7]) == {7: (8,)}
