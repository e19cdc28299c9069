"""Hashes and sums of the parts of a product."""

import hashlib
import os
from collections.abc import Iterator

import msgspec

from quire.products.layout import Hdu
from quire.products.manifest import PIECE, list_hash
from quire.writers.fits.checksum import ones_sum

READ = 256 * 1024
"""Bytes that are read at once: they stay in a core's cache until they are summed,
hashed and written. A multiple of 4, as the sums need."""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What the bytes of a part come to.

    Attributes
    ----------
    header
        Its SHA-256; empty for a part without a header.
    pieces
        The SHA-256 of each 8 MiB of its data.
    data_sum
        Ones'-complement sum of its data.
    """

    header: bytes = b""
    pieces: tuple[bytes, ...]
    data_sum: int

    @property
    def sha256(self) -> str:
        """Its hash in the manifest, hexadecimal."""
        return list_hash((self.header, *self.pieces))


def read_range(descriptor: int, offset: int, length: int) -> Iterator[memoryview]:
    """Yield a stretch of a file in pieces; each is overwritten by the next.

    Raises
    ------
    EOFError
        The file ends before.
    """
    buffer = memoryview(bytearray(min(READ, length)))
    while length:
        piece = buffer[: min(len(buffer), length)]
        fill(piece, descriptor, offset)
        yield piece
        offset += len(piece)
        length -= len(piece)


def fill(buffer: memoryview, descriptor: int, offset: int) -> None:
    """Read until a buffer is full.

    Raises
    ------
    EOFError
        The file ends before.
    """
    filled = 0
    while filled < len(buffer):
        count = os.preadv(descriptor, [buffer[filled:]], offset + filled)
        if not count:
            raise EOFError(f"the file ends at byte {offset + filled}")
        filled += count


def pieces_of(length: int) -> Iterator[tuple[int, int]]:
    """Yield offset and length of each piece of so many bytes of data."""
    for offset in range(0, length, PIECE):
        yield offset, min(PIECE, length - offset)


def digest_range(
    descriptor: int, offset: int, length: int, header_length: int = 0
) -> Digest:
    """Return what a stretch of a file comes to, which may begin with a header.

    Raises
    ------
    EOFError
        The file ends before.
    """
    header = b"".join(map(bytes, read_range(descriptor, offset, header_length)))
    at, pieces, total = offset + header_length, [], 0
    for start, size in pieces_of(length - header_length):
        found = hashlib.sha256()
        for chunk in read_range(descriptor, at + start, size):
            found.update(chunk)
            total = ones_sum(chunk, total)
        pieces.append(found.digest())
    return Digest(
        header=hashlib.sha256(header).digest() if header_length else b"",
        pieces=tuple(pieces),
        data_sum=total,
    )


def digest_hdu(descriptor: int, hdu: Hdu) -> Digest:
    """Return what an HDU of an open file comes to."""
    return digest_range(descriptor, hdu.offset, hdu.length, len(hdu.header))


def digest_of(header: bytes, data: memoryview) -> Digest:
    """Return what an HDU in memory comes to."""
    pieces = [data[start : start + size] for start, size in pieces_of(len(data))]
    return Digest(
        header=hashlib.sha256(header).digest(),
        pieces=tuple(hashlib.sha256(one).digest() for one in pieces),
        data_sum=ones_sum(data),
    )
