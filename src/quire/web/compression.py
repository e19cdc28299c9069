"""Compressed bodies, opened with a guard against bombs.

A few kilobytes may hold gigabytes, so what comes out is counted as it comes, and no
step can give more than a few megabytes before it is.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping

from quire.errors import InputError, TooLarge

IDENTITY = "identity"
_PIECE = 64 * 1024
# zstd tells no limit to its output, but 4 bytes give at most 128 KiB.
_ZSTD_PIECE = 256
_ZSTD_WINDOW = 8 * 2**20  # what RFC 8878 asks every decoder to have
_MOST_RATIO = 500
_RATIO_FROM = 2**20
_GZIP = 16 + zlib.MAX_WBITS


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """Return what a compressed body holds; concatenated members are one body.

    Parameters
    ----------
    encoding
        One of `ENCODINGS` but `IDENTITY`.
    limit
        Most bytes that may come out.

    Raises
    ------
    TooLarge
        It holds more, or more than 500 times its own size.
    InputError
        It is not encoded so, or breaks off.
    """
    pieces: list[bytes] = []
    size = 0
    for piece in _OPENERS[encoding](body):
        size += len(piece)
        if size > limit:
            raise TooLarge("body", limit, f"bytes when {encoding} is undone")
        if size > _RATIO_FROM and size > _MOST_RATIO * len(body):
            raise TooLarge("body", _MOST_RATIO, f"times its size under {encoding}")
        pieces.append(piece)
    return b"".join(pieces)


def _gunzipped(body: bytes) -> Iterator[bytes]:
    rest = body
    while rest:
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            try:
                piece = member.decompress(rest, _PIECE)
            except zlib.error as error:
                raise _garbled("gzip", str(error)) from None
            rest = member.unconsumed_tail
            if piece:
                yield piece
            elif not rest and not member.eof:
                raise _garbled("gzip", "it breaks off")
        rest = member.unused_data.lstrip(b"\0")  # some writers pad (RFC 1952, 2.2)


def _unzstd(body: bytes) -> Iterator[bytes]:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    rest = body
    while rest:
        frame = decompressor.decompressobj()
        at = 0
        while not frame.eof:
            if at >= len(rest):
                raise _garbled("zstd", "it breaks off")
            try:
                piece = frame.decompress(rest[at : at + _ZSTD_PIECE])
            except zstandard.ZstdError as error:
                raise _garbled("zstd", str(error)) from None
            at += _ZSTD_PIECE
            if piece:
                yield piece
        rest = frame.unused_data + rest[at:]


def _garbled(encoding: str, reason: str) -> InputError:
    return InputError("body", f"is not {encoding}: {reason}")


_OPENERS: Mapping[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gunzipped,
    "x-gzip": _gunzipped,
    "zstd": _unzstd,
}
ENCODINGS = ("gzip", "zstd", IDENTITY)
"""What a body may be encoded with."""


def known_encoding(header: str) -> str | None:
    """Return the encoding that a Content-Encoding header names, None if unknown."""
    name = header.strip().lower() or IDENTITY
    return name if name == IDENTITY or name in _OPENERS else None
