"""The terms of a run: those that it has, whatever was asked for before."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from quire.runs.leaves import Scalar
from quire.runs.searchable import Searchable
from quire.runs.words import words_in
from quire.storage.postgres.terms import numbers, term_numbers
from quire.storage.sqlite import terms as sqlite
from quire.storage.terms import Terms, digest, field_term, value_term, word_term

UNIQUE = {"uid", "start.uid", "stop.uid", "stop.run_start"}
PATHS = [*UNIQUE, "events", "time", "a", "a.b", "plan_name"]
TEXTS = [
    "",
    "long " * 30 + "tail",
    "Cu foil",
    "1",
    "true",
    "ÄÖ straße",
    "STRASSE",
    "x\ny",
    "é",
]

values: st.SearchStrategy[Scalar] = st.one_of(
    st.sampled_from(TEXTS),
    st.text(max_size=4),
    st.booleans(),
    st.sampled_from([0, 1, 1.0, -0.0, 2.5, 2**60]),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
many = {f"k{number}": (number,) for number in range(150)}
runs = st.builds(
    lambda leaves, more: Searchable(leaves={**leaves, **more}),
    st.dictionaries(
        st.sampled_from(PATHS), st.lists(values, min_size=1, max_size=3).map(tuple)
    ),
    st.sampled_from([{}, {}, many]),
)


def plainly(found: Searchable) -> Iterator[str]:
    """Yield the terms of a run, without a memory of any."""
    for path, held in found.leaves.items():
        yield field_term(path)
        if path in UNIQUE:
            continue
        for value in held:
            if path != "events":
                yield value_term(path, value)
            if isinstance(value, str):
                yield from map(word_term, words_in(value))


@given(st.lists(runs, min_size=1, max_size=4))
def test_a_run_has_the_terms_of_its_fields_values_and_words(
    some: list[Searchable],
) -> None:
    terms = Terms(digest)
    for found in [*some, *some]:
        assert terms.of(found) == {digest(term) for term in plainly(found)}


@given(runs)
def test_both_stores_keep_them_each_in_its_own_way(found: Searchable) -> None:
    plain = {*plainly(found)}
    assert {*sqlite.terms_of(found).split()} == {digest(term).hex() for term in plain}
    assert term_numbers(found) == numbers(plain)
    assert sqlite.terms(found, 7).endswith(" a7")


@given(runs)
def test_words_are_those_of_all_texts_but_uids(found: Searchable) -> None:
    words = {
        word
        for path, held in found.leaves.items()
        if path not in UNIQUE
        for value in held
        if isinstance(value, str)
        for word in words_in(value)
    }
    assert found.words() == words
