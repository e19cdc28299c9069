"""CHECKSUM and DATASUM (FITS standard 4.0, section 4.4.2.7 and appendix J)."""

from quire.products.cards import CardError, Value, cards_of, parse_value
from quire.products.primary_header import BLANK_CHECKSUM, with_value

_ALL_ONES = 0xFFFFFFFF
_PUNCTUATION = frozenset(b":;<=>?@[\\]^_`")
_ASCII_ZERO = 0x30


def ones_sum(chunk: bytes | memoryview, total: int = 0) -> int:
    """Add big-endian 32-bit words to a running ones'-complement sum.

    Parameters
    ----------
    chunk
        A multiple of 4 bytes but for the last, which is summed as if zeros followed:
        data that are not FITS have no blocks.
    """
    import numpy as np

    if len(chunk) % 4:
        chunk = bytes(chunk).ljust(-(-len(chunk) // 4) * 4, b"\0")
    total += int(np.frombuffer(chunk, dtype=">u4").sum(dtype=np.uint64))
    while total >> 32:
        total = (total & _ALL_ONES) + (total >> 32)
    return total


def encode(total: int) -> str:
    """Return the 16 characters that bring an HDU of that sum to all ones."""
    complement = _ALL_ONES - total
    columns = []
    for byte in complement.to_bytes(4, "big"):
        quotient, rest = divmod(byte, 4)
        four = [quotient + rest, quotient, quotient, quotient]
        columns.append(_alphanumeric([value + _ASCII_ZERO for value in four]))
    text = bytes(columns[place][row] for row in range(4) for place in range(4))
    return (text[-1:] + text[:-1]).decode("ascii")


def _alphanumeric(four: list[int]) -> list[int]:
    """Move pairs apart, keeping their sum, until no character is punctuation."""
    while _PUNCTUATION.intersection(four):
        for low in (0, 2):
            if _PUNCTUATION.intersection(four[low : low + 2]):
                four[low] += 1
                four[low + 1] -= 1
    return four


def sealed(header: bytes, data_sum: int) -> bytes:
    """Return a header with its DATASUM and CHECKSUM filled in."""
    header = with_value(header, "DATASUM", str(data_sum))
    header = with_value(header, "CHECKSUM", BLANK_CHECKSUM)
    return with_value(header, "CHECKSUM", encode(ones_sum(header, data_sum)))


def resealed(header: bytes, data_sum: int) -> bytes:
    """Return a header that was changed, its CHECKSUM right again if it has one."""
    try:
        header = with_value(header, "CHECKSUM", BLANK_CHECKSUM)
    except CardError:
        return header
    return with_value(header, "CHECKSUM", encode(ones_sum(header, data_sum)))


def checksum_fault(header: bytes, data_sum: int) -> str:
    """Return how an HDU contradicts the sums that it states, or an empty text.

    What it does not state, or leaves blank, is not checked.
    """
    stated: dict[str, Value] = {}
    for card in cards_of(header):
        if card.name in ("CHECKSUM", "DATASUM"):
            try:
                stated.setdefault(card.name, parse_value(card))
            except CardError as fault:
                return str(fault)
    said = str(stated.get("DATASUM") or "").strip()
    if said and (not said.isdecimal() or int(said) != data_sum):
        return f"DATASUM says {said}, its data sum up to {data_sum}"
    if not str(stated.get("CHECKSUM") or "").strip():
        return ""
    total = ones_sum(header, data_sum)
    return "" if total in (0, _ALL_ONES) else "its bytes contradict its CHECKSUM"
