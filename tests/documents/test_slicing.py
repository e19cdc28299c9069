"""Where values begin and end, against what the parser makes of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.documents.slicing import Broken, elements, members

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text('[]{},:"\\ x'),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('{"x'), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text('[]{},:"\\ x'), VALUES, max_size=4)
INDENTS = st.sampled_from([None, 0, 1])


@given(st.lists(VALUES, max_size=4), INDENTS)
def test_the_elements_of_an_array_are_found(
    values: list[Any], indent: int | None
) -> None:
    text = json.dumps(values, indent=indent).encode() + b" \r\n"
    found = [json.loads(text[slice(*span)]) for span in elements(text)]
    assert repr(found) == repr(values)


@given(OBJECTS, INDENTS)
def test_the_members_of_an_object_are_found(
    values: dict[str, Any], indent: int | None
) -> None:
    text = json.dumps(values, indent=indent).encode() + b" \r\n"
    found = {
        json.loads(text[slice(*key)]): json.loads(text[slice(*value)])
        for key, value in members(text)
    }
    assert repr(found) == repr(values)


@given(st.lists(VALUES, max_size=4), OBJECTS, st.data())
def test_what_breaks_off_or_goes_on_is_broken(
    values: list[Any], pairs: dict[str, Any], data: st.DataObject
) -> None:
    array, mapping = json.dumps(values).encode(), json.dumps(pairs).encode()
    cut = data.draw(st.integers(1, len(array) - 1))
    with pytest.raises(Broken):
        list(elements(array[:cut]))
    cut = data.draw(st.integers(1, len(mapping) - 1))
    with pytest.raises(Broken):
        list(members(mapping[:cut]))
    with pytest.raises(Broken, match=f"trailing data at byte {len(array) + 1}") as told:
        list(elements(array + b" x"))
    assert told.value.position == len(array) + 1
    with pytest.raises(Broken, match="trailing data"):
        list(members(mapping + b"}"))


@pytest.mark.parametrize("text", [b"[1 2]", b"[,1]", b"[1,]", b"[1,,2]"])
def test_elements_stand_between_commas(text: bytes) -> None:
    with pytest.raises(Broken):
        list(elements(text))


@pytest.mark.parametrize("text", [b'{"a" 1}', b'{"a":}', b'{"a":1 "b":2}', b'{"a":1,}'])
def test_members_are_keys_and_values(text: bytes) -> None:
    with pytest.raises(Broken):
        list(members(text))
