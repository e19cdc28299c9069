from hypothesis import given
from hypothesis import strategies as st

from quire.progress.places import from_text, to_text

PLACES = st.dictionaries(st.text(), st.integers(0, 2**53), max_size=30)


@given(PLACES)
def test_places_come_back(places: dict[str, int]) -> None:
    assert from_text(to_text(places), places) == places


@given(PLACES, PLACES)
def test_others_do_not_matter(places: dict[str, int], others: dict[str, int]) -> None:
    every = {**others, **places}
    assert from_text(to_text(every), places) == places


@given(st.text(), st.lists(st.text()))
def test_what_is_garbled_is_nothing(text: str, names: list[str]) -> None:
    found = from_text(text, names)
    assert set(found) <= set(names)


def test_it_is_an_id_and_short() -> None:
    fifty = {f"6f6c1f5e-7f0a-4a38-9a3c-2b8c9d0e1f{at:02}": 100 * at for at in range(50)}
    text = to_text(fifty)
    assert text.isascii()
    assert text.isprintable()
    assert " " not in text
    assert len(text) <= 500
