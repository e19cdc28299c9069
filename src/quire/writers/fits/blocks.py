"""Finding the HDUs of a FITS file from its headers alone.

Every length is computed; nothing is ever searched for, because data may hold any
bytes (FITS standard 4.0, sections 3 and 4.4.1).
"""

import os
import re
from collections.abc import Callable, Iterator
from math import prod

import msgspec

from quire.products.cards import CARD, END, CardError, Value, cards_of, parse_value
from quire.products.layout import BLOCK, PRIMARY, Hdu
from quire.products.source_problem import SourceChanged, SourceProblem

MOST_CARDS = 20_000
MOST_HDUS = 5_000
_MOST_HEADER_BYTES = 64 * 1024 * 1024
_READ = 4 * BLOCK
_GZIP = b"\x1f\x8b"
_BITPIX = (8, 16, 32, 64, -32, -64)
_MOST_AXES = 999
_UNPRINTABLE = re.compile(rb"[^ -~]")
_FETCH = "fetch the file again from where it was made"
_MAKE = "have it written again as standard FITS"
_WAIT = "retry when nobody writes to it any more"

_Lookup = Callable[[str], Value]


class OpenSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source that is open for reading.

    Attributes
    ----------
    name, location
        As in the specification, for what is said about it.
    path
        Where it lies here.
    descriptor
        Its file descriptor.
    size
        Bytes.
    stamp
        What changes when somebody writes to it.
    """

    name: str
    location: str
    path: str
    descriptor: int
    size: int
    stamp: tuple[int, ...]

    def problem(self, reason: str, mend: str) -> SourceProblem:
        """Return the error that says what is wrong with it."""
        return SourceProblem(self.name, self.location, reason, mend)

    def changed(self, reason: str) -> SourceChanged:
        """Return the error that says that somebody has written to it."""
        return SourceChanged(self.name, self.location, reason, _WAIT)


def read_hdus(source: OpenSource) -> tuple[Hdu, ...]:
    """Return the HDUs of a source, which fill it to its last byte.

    Raises
    ------
    SourceProblem
        It is no FITS file, or one that is cut, continued, or contradicts itself.
    """
    _require_fits(source)
    hdus: list[Hdu] = []
    at = headers = 0
    while at < source.size:
        hdu = _read_hdu(source, len(hdus), at)
        hdus.append(hdu)
        headers += len(hdu.header)
        if len(hdus) > MOST_HDUS or headers > _MOST_HEADER_BYTES:
            raise source.problem(
                f"more than {MOST_HDUS} HDUs or {_MOST_HEADER_BYTES} header bytes",
                "split the file",
            )
        at += hdu.length
    return tuple(hdus)


def _require_fits(source: OpenSource) -> None:
    if source.size == 0:
        raise source.problem("the file is empty", _FETCH)
    start = os.pread(source.descriptor, CARD, 0)
    if start.startswith(_GZIP):
        raise source.problem("the file is compressed with gzip", "gunzip it")
    if not start.startswith(b"SIMPLE  ="):
        raise source.problem("not a FITS file: it does not begin with SIMPLE", _MAKE)


def _read_hdu(source: OpenSource, index: int, at: int) -> Hdu:
    where = f"HDU {index}"
    header = _read_header(source, at, index)
    if bad := _UNPRINTABLE.search(header):
        raise source.problem(
            f"{where}: its header has the byte 0x{bad[0][0]:02X} at {bad.start()}, "
            "which is not printable ASCII",
            _MAKE,
        )
    try:
        kind, size = _structure(header, index)
    except CardError as fault:
        raise source.problem(f"{where}: {fault}", _MAKE) from None
    hdu = Hdu(index=index, kind=kind, offset=at, header=header, data_size=size)
    if at + hdu.length > source.size:
        raise source.problem(
            f"truncated: {where} ends at byte {at + hdu.length}, "
            f"but the file has {source.size}",
            _FETCH,
        )
    _require_fill(source, hdu)
    return hdu


def _read_header(source: OpenSource, at: int, index: int) -> bytes:
    """Return a header with its padding; the first card is looked at before the rest."""
    header, seen = b"", 0
    while seen < MOST_CARDS * CARD:
        more = os.pread(source.descriptor, max(_READ, len(header)), at + len(header))
        header += more
        if index and not seen and not header.startswith(b"XTENSION="):
            raise source.problem(
                f"after HDU {index - 1}, at byte {at}, comes no extension but "
                f"{source.size - at} other bytes",
                _FETCH,
            )
        for start in range(seen, len(header) - CARD + 1, CARD):
            if header[start : start + CARD] == END:
                return _closed(source, header, start + CARD, index)
        seen = len(header) // CARD * CARD
        if not more:
            raise source.problem(
                f"truncated: the header of HDU {index} has no END before the file's",
                _FETCH,
            )
    raise source.problem(
        f"the header of HDU {index} has no END within {MOST_CARDS} cards", _MAKE
    )


def _closed(source: OpenSource, header: bytes, end: int, index: int) -> bytes:
    length = -(-end // BLOCK) * BLOCK
    if len(header) < length:
        raise source.problem(
            f"truncated: the header of HDU {index} is not a whole number of blocks",
            _FETCH,
        )
    if header[end:length].strip(b" "):
        raise source.problem(
            f"HDU {index}: what follows END in its header is not blank", _MAKE
        )
    return header[:length]


def _structure(header: bytes, index: int) -> tuple[str, int]:
    """Return the kind of an HDU and the bytes of its data."""
    cards = [(card.name, card) for card in cards_of(header)]
    names = [name for name, _ in cards]
    first = "XTENSION" if index else "SIMPLE"

    def value(name: str) -> Value:
        places = [card for known, card in cards if known == name]
        if len(places) != 1:
            raise CardError(f"it has {len(places)} cards {name}, not one")
        return parse_value(places[0])

    axes = list(_axes(value))
    expected = [first, "BITPIX", "NAXIS", *(f"NAXIS{n + 1}" for n in range(len(axes)))]
    if names[: len(expected)] != expected:
        raise CardError(f"it does not begin with {', '.join(expected)}")
    if "END" in names:
        raise CardError("it has a card END that is not blank behind")
    kind = value(first)
    if (kind is not True) if not index else not isinstance(kind, str):
        raise CardError(f"{first} is {kind!r}")
    groups = not index and "GROUPS" in names and value("GROUPS") is True
    grouped = groups and axes[:1] == [0]
    extra, count = 0, 1
    if index or grouped:
        extra, count = _integer(value, "PCOUNT"), _integer(value, "GCOUNT")
    bits = value("BITPIX")
    if not isinstance(bits, int) or bits not in _BITPIX:
        raise CardError(f"BITPIX is {bits!r}, not one of {_BITPIX}")
    pixels = prod(axes[1:] if grouped else axes) + extra if axes else 0
    return (str(kind) if index else PRIMARY), abs(bits) // 8 * count * pixels


def _axes(value: _Lookup) -> Iterator[int]:
    number = _integer(value, "NAXIS")
    if number > _MOST_AXES:
        raise CardError(f"NAXIS is {number}, more than {_MOST_AXES}")
    for axis in range(1, number + 1):
        yield _integer(value, f"NAXIS{axis}")


def _integer(value: _Lookup, name: str) -> int:
    found = value(name)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise CardError(f"{name} is {found!r}, not an integer from 0 on")
    return found


def _require_fill(source: OpenSource, hdu: Hdu) -> None:
    """Require zeros behind the data, blanks behind an ASCII table's (section 3.3.2)."""
    start = hdu.data_offset + hdu.data_size
    fill = os.pread(source.descriptor, hdu.data_length - hdu.data_size, start)
    if fill.strip(b" " if hdu.kind == "TABLE" else b"\0"):
        raise source.problem(
            f"HDU {hdu.index}: the padding behind its data is not empty", _MAKE
        )
