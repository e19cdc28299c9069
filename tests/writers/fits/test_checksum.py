from typing import Any

import numpy as np
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from quire.products.cards import END, value_keyword
from quire.writers.fits.checksum import checksum_fault, encode, ones_sum, sealed

WORDS = st.binary(max_size=4000).map(lambda text: text[: len(text) // 4 * 4])
CODE: Any = fits.PrimaryHDU()


@given(data=WORDS)
def test_the_sum_is_that_of_the_definition(data: bytes) -> None:
    total = 0
    for at in range(0, len(data), 4):
        total += int.from_bytes(data[at : at + 4], "big")
        total = (total & 0xFFFFFFFF) + (total >> 32)

    assert ones_sum(data) == total


@given(data=WORDS)
def test_the_sum_is_astropys(data: bytes) -> None:
    words = np.frombuffer(data, np.uint8)

    assert ones_sum(data) == int(CODE._compute_checksum(words))


@given(one=WORDS, two=WORDS)
def test_sums_can_be_taken_in_pieces(one: bytes, two: bytes) -> None:
    assert ones_sum(two, ones_sum(one)) == ones_sum(one + two)


@given(total=st.integers(0, 2**32 - 1))
def test_the_encoding_is_astropys(total: int) -> None:
    text = encode(total)

    assert text == CODE._char_encode(~np.uint32(total))
    assert len(text) == 16
    assert text.isalnum()


@given(data=WORDS)
def test_a_sealed_header_is_found_good_and_a_changed_one_bad(data: bytes) -> None:
    cards = [
        value_keyword(name, value).image
        for name, value in [("A", "x"), ("CHECKSUM", "0" * 16), ("DATASUM", "0")]
    ]
    header = (b"".join(cards) + END).ljust(2880)
    total = ones_sum(data)

    good = sealed(header, total)

    assert checksum_fault(good, total) == ""
    assert "CHECKSUM" in checksum_fault(good.replace(b"'x ", b"'y "), total)
    assert "DATASUM" in checksum_fault(good, total ^ 1)


def test_what_is_not_stated_is_not_checked() -> None:
    blank = value_keyword("CHECKSUM", "").image

    assert checksum_fault(END.ljust(2880), 5) == ""
    assert checksum_fault((blank + END).ljust(2880), 5) == ""
