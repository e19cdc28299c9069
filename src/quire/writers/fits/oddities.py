"""What is legal to a merger that copies bytes, but hardly meant by whoever wrote it.

Tables: FITS standard 4.0, sections 7.3 and 10.1.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from math import prod

from quire.products.cards import CardError, Value, cards_of, parse_value
from quire.products.keywords import CardKind
from quire.products.layout import Hdu

_FORM = re.compile(r"(\d*)([LXBIJKAEDCMPQ])(.*)")
_WIDTHS = {
    "L": 1,
    "B": 1,
    "A": 1,
    "I": 2,
    "J": 4,
    "E": 4,
    "K": 8,
    "D": 8,
    "C": 8,
    "P": 8,
    "M": 16,
    "Q": 16,
}
_TABLE = "BINTABLE"
# What of a table's header is looked at.
_LOOKED_AT = re.compile(r"TFIELDS|TFORM\d+|NAXIS1|THEAP|ZIMAGE|ZBITPIX|ZNAXIS\d+")
# No compression of real pixels comes near.
_BEYOND_COMPRESSION = 10_000


def repeated_keywords(header: bytes) -> tuple[str, ...]:
    """Return the names that more than one card of a header gives a value to."""
    names = Counter(
        card.name for card in cards_of(header) if card.kind is not CardKind.COMMENTARY
    )
    return tuple(name for name, count in names.items() if count > 1 and name)


def table_faults(hdu: Hdu) -> Iterator[str]:
    """Yield what is odd about a binary table's header."""
    if hdu.kind.strip() != _TABLE:
        return
    values = dict(_values(hdu.header))
    forms = [name for name in values if re.fullmatch(r"TFORM\d+", name)]
    if values.get("TFIELDS") != len(forms):
        yield f"TFIELDS is {values.get('TFIELDS')!r}, but it has {len(forms)} TFORMn"
    bad = [name for name in forms if _width(values[name]) is None]
    if bad:
        yield f"{bad[0]} is {values[bad[0]]!r}"
    elif forms:
        width = sum(_width(values[name]) or 0 for name in forms)
        if width != values.get("NAXIS1"):
            yield f"its columns take {width} bytes, a row {values.get('NAXIS1')!r}"
    heap = values.get("THEAP")
    if heap is not None and not (isinstance(heap, int) and 0 <= heap <= hdu.data_size):
        yield f"THEAP is {heap!r}, its data end at {hdu.data_size}"
    yield from _bomb(values, hdu)


def _bomb(values: Mapping[str, Value], hdu: Hdu) -> Iterator[str]:
    axes = [v for name, v in values.items() if re.fullmatch(r"ZNAXIS\d+", name)]
    bits = values.get("ZBITPIX")
    if values.get("ZIMAGE") is not True or not isinstance(bits, int):
        return
    if not all(isinstance(one, int) and one >= 0 for one in axes):
        yield "its ZNAXISn are no lengths"
        return
    size = abs(bits) // 8 * prod(one for one in axes if isinstance(one, int))
    if size > _BEYOND_COMPRESSION * max(hdu.data_size, 1):
        yield f"it says that {hdu.data_size} bytes hold {size} bytes of pixels"


def _values(header: bytes) -> Iterator[tuple[str, Value]]:
    for card in cards_of(header):
        if card.kind is CardKind.VALUE and _LOOKED_AT.fullmatch(card.name):
            try:
                yield card.name, parse_value(card)
            except CardError:
                continue


def _width(form: Value) -> int | None:
    """Return the bytes of a column in a row, None if it has no such form."""
    found = _FORM.fullmatch(form.strip()) if isinstance(form, str) else None
    if found is None:
        return None
    count = int(found[1] or 1)
    return -(-count // 8) if found[2] == "X" else count * _WIDTHS[found[2]]
