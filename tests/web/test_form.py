"""Forms as browsers send them."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import InputError, TooLarge
from quire.web.form import MOST_FIELDS, urlencoded

# What UTF-8 can say: no halves of surrogate pairs.
_TEXT = st.text(st.characters(codec="utf-8"), max_size=40)


@given(st.lists(st.tuples(_TEXT, _TEXT), max_size=20))
def test_what_was_sent_comes_back_in_order_and_empty_values_too(
    pairs: list[tuple[str, str]],
) -> None:
    sent = urlencode(pairs).encode()
    assert urlencoded(sent) == pairs


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        found = urlencoded(body)
    except InputError as refused:
        assert refused.field == "body"  # noqa: PT017 - both ends are right
    else:
        assert all(isinstance(text, str) for pair in found for text in pair)


@pytest.mark.parametrize("body", [b"\xff=1", b"a=%ff", b"%ed%a0%80=1"])
def test_what_is_not_utf_8_is_refused(body: bytes) -> None:
    with pytest.raises(InputError, match="is not UTF-8"):
        urlencoded(body)


def test_a_form_has_so_many_fields() -> None:
    most = b"&".join([b"a=1"] * MOST_FIELDS)
    assert len(urlencoded(most)) == MOST_FIELDS
    with pytest.raises(TooLarge):
        urlencoded(most + b"&a=1")
