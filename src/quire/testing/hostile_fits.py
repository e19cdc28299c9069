"""FITS files that are damaged or malicious, each with what the merger must say.

None of them needs a FITS library to be made.
"""

import gzip
import os
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

BLOCK = 2880
CARD = 80
PRIMARY = ("SIMPLE  =                    T", "BITPIX  =                    8")
_ODD = "odd_table/"
EMPTY = (*PRIMARY, "NAXIS   =                    0")


class HostileFile(msgspec.Struct, frozen=True, kw_only=True):
    """One hostile file.

    Attributes
    ----------
    make
        Makes it at a path that is still free.
    reason
        Part of what the refusal says; None if the file is merged as it is, because
        what is odd about it lies in bytes that are copied and never interpreted.
    alert
        What the id of the warning begins with that a merged one gives; empty for none.
    """

    name: str
    make: Callable[[Path], object]
    reason: str | None
    alert: str = ""


def header(*cards: str, end: bool = True) -> bytes:
    """Return a header block of the given cards."""
    lines = [card.ljust(CARD) for card in cards]
    text = "".join([*lines, "END".ljust(CARD)] if end else lines)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("latin-1")


def primary(*more: str) -> bytes:
    """Return a primary HDU without data."""
    return header(*EMPTY, *more)


def image(*more: str, bits: str = "8", axes: tuple[str, ...] = ("100",)) -> bytes:
    """Return the header of an image extension; values as text, so that they lie."""
    lengths = [f"NAXIS{n}".ljust(8) + f"= {v:>20}" for n, v in enumerate(axes, 1)]
    return header(
        "XTENSION= 'IMAGE   '",
        f"BITPIX  = {bits:>20}",
        f"NAXIS   = {len(axes):>20}",
        *lengths,
        "PCOUNT  =                    0",
        "GCOUNT  =                    1",
        *more,
    )


def table(*more: str, heap: int = 0) -> bytes:
    """Return the header of a binary table of 10 rows of 8 bytes."""
    return header(
        "XTENSION= 'BINTABLE'",
        "BITPIX  =                    8",
        "NAXIS   =                    2",
        "NAXIS1  =                    8",
        "NAXIS2  =                   10",
        f"PCOUNT  = {heap:>20}",
        "GCOUNT  =                    1",
        *more,
    )


def data(size: int = 100, fill: bytes = b"\0") -> bytes:
    """Return a data unit: ones, then padding."""
    return (b"\1" * size).ljust(-(-size // BLOCK) * BLOCK, fill)


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _sparse(head: bytes, size: int) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        path.write_bytes(head)
        os.truncate(path, size)

    return make


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        # The address may be longer than the system allows: bind from the folder.
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            listening.bind(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)


def _file(
    name: str, content: bytes, reason: str | None, alert: str = ""
) -> HostileFile:
    return HostileFile(name=name, make=_bytes(content), reason=reason, alert=alert)


def hostile_files() -> tuple[HostileFile, ...]:
    """Return the corpus."""
    return (*_no_fits(), *_no_files(), *_structure(), *_cards(), *_opaque())


def _no_fits() -> tuple[HostileFile, ...]:
    return (
        _file("empty", b"", "empty"),
        _file("web page", b"<html>404 Not Found</html>" * 200, "not a FITS file"),
        _file("one byte", b"S", "not a FITS file"),
        _file("gzip", gzip.compress(primary()), "compressed with gzip"),
        _file("zeros", bytes(BLOCK), "not a FITS file"),
        _file("starts with extension", image() + data(), "not a FITS file"),
        _file("SIMPLE false", primary().replace(b"T", b"F", 1), "SIMPLE is False"),
        HostileFile(
            name="5 MB without END",
            make=_sparse(header(*EMPTY, end=False), 5_000_000),
            reason="not printable ASCII|no END",
        ),
    )


def _no_files() -> tuple[HostileFile, ...]:
    return (
        HostileFile(name="vanished", make=lambda _: None, reason="there is no file"),
        HostileFile(name="directory", make=Path.mkdir, reason="not a regular file"),
        HostileFile(name="FIFO", make=os.mkfifo, reason="not a regular file"),
        HostileFile(name="socket", make=_socket, reason="cannot be opened"),
        HostileFile(
            name="device",
            make=lambda path: path.symlink_to("/dev/zero"),
            reason="not a regular file",
        ),
        HostileFile(
            name="dangling link",
            make=lambda path: path.symlink_to(path.with_name("nowhere")),
            reason="there is no file",
        ),
        HostileFile(
            name="link to itself",
            make=lambda path: path.symlink_to(path),
            reason="cannot be opened",
        ),
    )


def _structure() -> tuple[HostileFile, ...]:
    good = primary()
    return (
        _file("no END", header(*EMPTY, "A       = 1", end=False), "no END"),
        _file("cut in header", good[:1000], "truncated"),
        _file("cut in data", good + image() + data()[:50], "truncated"),
        _file("cut in padding", good + image() + data()[:-1], "truncated"),
        _file("no data", good + image(), "truncated: HDU 1"),
        _file("garbage block", good + b"x" * BLOCK, "comes no extension"),
        _file("zero block", good + bytes(BLOCK), "comes no extension"),
        _file("trailing bytes", good + b"\0", "comes no extension"),
        _file("second SIMPLE", good + good, "comes no extension"),
        _file("BITPIX 7", good + image(bits="7") + data(), "BITPIX is 7"),
        _file("BITPIX text", good + image(bits="'8'") + data(), "BITPIX is '8'"),
        _file("NAXIS -1", header(*PRIMARY, "NAXIS   = -1"), "NAXIS is -1"),
        _file("NAXIS 1000", header(*PRIMARY, "NAXIS   = 1000"), "NAXIS is 1000"),
        _file("NAXIS 999", header(*PRIMARY, "NAXIS   = 999"), "0 cards NAXIS1"),
        _file("NAXIS1 negative", good + image(axes=("-9",)) + data(), "NAXIS1 is -9"),
        _file("NAXIS1 1e9", good + image(axes=("1000000000",)) + data(), "truncated"),
        _file("NAXIS1 beyond 64 bits", good + image(axes=("9" * 20,)), "truncated"),
        _file("NAXIS1 real", good + image(axes=("1E2",)) + data(), "NAXIS1 is 100.0"),
        _file("NAXIS twice", primary("NAXIS   = 0"), "2 cards NAXIS"),
        _file("BITPIX elsewhere", header(*EMPTY[::2], EMPTY[1]), "does not begin with"),
        _file("padding", good + image() + data(fill=b"\1"), "padding behind its data"),
        _file("END with text", primary("END     text"), "END that is not blank"),
        _file("behind END", good[:-1] + b"x", "follows END"),
        _file("300,000 cards", header(*EMPTY, *["COMMENT x"] * 300_000), "20000 cards"),
        _file("5,001 HDUs", good + image(axes=()) * 5_001, "more than 5000 HDUs"),
        _file(
            "GROUPS without PCOUNT",
            header(
                *PRIMARY,
                "NAXIS   = 2",
                "NAXIS1  = 0",
                "NAXIS2  = 5",
                "GROUPS  =                    T",
            )
            + data(),
            "0 cards PCOUNT",
        ),
    )


def _cards() -> tuple[HostileFile, ...]:
    wrong = "CHECKSUM= 'AAAAAAAAAAAAAAAA'"
    return (
        _file("not ASCII", primary("OBJECT  = 'caf\xe9'"), "byte 0xE9"),
        _file("NUL", primary("OBJECT  = 'a\0b'"), "byte 0x00"),
        _file("open quote", primary("OBJECT  = 'abc"), "no readable value"),
        _file("no value", primary("OBJECT  = abc"), "no readable value"),
        _file("huge exponent", primary("OBJECT  = 1E5 5"), "no readable value"),
        _file("lower case", primary("object  = 1"), "not one that FITS allows"),
        _file(
            "lower-case HIERARCH",
            primary("HIERARCH ESO ins x = 1"),
            "not one that FITS allows",
        ),
        _file("CONTINUE alone", primary("CONTINUE  'abc'"), "has ended|continues"),
        _file(
            "CONTINUE after an end",
            primary("OBJECT  = 'abc'", "CONTINUE  'def'"),
            "has ended",
        ),
        _file(
            "CONTINUE without a string",
            primary("OBJECT  = 'abc&'", "CONTINUE  5"),
            "without a string",
        ),
        _file("wrong CHECKSUM", primary(wrong), "contradict its CHECKSUM"),
        _file(
            "wrong CHECKSUM behind",
            primary() + image(wrong) + data(),
            "HDU 1: its bytes contradict",
        ),
        _file(
            "wrong DATASUM",
            primary() + image("DATASUM = '5'") + data(),
            "DATASUM says 5",
        ),
    )


def _opaque() -> tuple[HostileFile, ...]:
    good = primary()
    rows = data(80)
    bomb = table(
        "TFIELDS = 1",
        "TFORM1  = '1PB(9)'",
        "ZIMAGE  =                    T",
        "ZCMPTYPE= 'RICE_1'",
        "ZBITPIX = 16",
        "ZNAXIS  = 2",
        "ZNAXIS1 = 200000",
        "ZNAXIS2 = 200000",
    )
    return (
        _file("TFORM nonsense", good + table("TFORM1  = '9Z'") + rows, None, _ODD),
        _file("TFIELDS mismatch", good + table("TFIELDS = 99") + rows, None, _ODD),
        _file("heap outside", good + table("THEAP   = 99999999") + rows, None, _ODD),
        _file("tile bomb", good + bomb + rows, None, _ODD),
        _file(
            "row too short",
            good + table("TFIELDS = 1", "TFORM1  = '1000000000D'") + rows,
            None,
            _ODD,
        ),
        _file(
            "keyword twice",
            primary("OBJECT  = 'a'", "OBJECT  = 'b'"),
            None,
            "repeated_keyword/",
        ),
        _file(
            "HDUs inside data",
            good + image(axes=("5760",)) + image() + data(),
            None,
        ),
        _file(
            "blank cards",
            header(*EMPTY, *[""] * 100),
            None,
        ),
    )
