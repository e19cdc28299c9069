"""Which bytes of which source stand where in a merged FITS product."""

from collections.abc import Sequence

import msgspec

BLOCK = 2880
PRIMARY = "PRIMARY"


def padded(size: int) -> int:
    """Return a number of bytes rounded up to whole FITS blocks."""
    return -(-size // BLOCK) * BLOCK


class Hdu(msgspec.Struct, frozen=True, kw_only=True):
    """One header and data unit as it lies in a source.

    Attributes
    ----------
    index
        0 for the primary HDU.
    kind
        ``PRIMARY``, or the value of XTENSION.
    offset
        Bytes from the start of the file; a multiple of 2880.
    header
        Its header, padding included.
    data_size
        Bytes of its data, without padding.
    """

    index: int
    kind: str
    offset: int
    header: bytes
    data_size: int

    @property
    def data_offset(self) -> int:
        """Bytes from the start of the file to its data."""
        return self.offset + len(self.header)

    @property
    def data_length(self) -> int:
        """Bytes of its data with padding."""
        return padded(self.data_size)

    @property
    def length(self) -> int:
        """Bytes of the whole of it."""
        return len(self.header) + self.data_length


class LayoutPart(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the product that is copied from a source.

    Attributes
    ----------
    source
        Number of the source among those that were laid out.
    hdu
        Index of the HDU in the source.
    source_offset, offset
        Bytes from the start of the source, of the product.
    length
        Bytes; a multiple of 2880.
    """

    source: int
    hdu: int
    source_offset: int
    offset: int
    length: int


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The product: a new primary header, then the parts without a gap.

    Attributes
    ----------
    header_length, size
        Bytes of the primary header and of the whole product.
    """

    header_length: int
    parts: tuple[LayoutPart, ...]
    size: int


def lay_out(
    header_length: int, sources: Sequence[Sequence[Hdu]], *, in_place: bool
) -> Layout:
    """Place the sources' HDUs behind a new primary header.

    Parameters
    ----------
    header_length
        Bytes of the new header; a multiple of 2880.
    sources
        The HDUs of each source, in the order of the product.
    in_place
        Whether the first source's primary data is kept. Every other primary HDU
        gives only its keywords.
    """
    at, parts = header_length, []
    for number, hdus in enumerate(sources):
        for hdu in hdus:
            start, length = hdu.offset, hdu.length
            if hdu.index == 0:
                start = hdu.data_offset
                length = hdu.data_length if in_place and number == 0 else 0
            if length:
                parts.append(
                    LayoutPart(
                        source=number,
                        hdu=hdu.index,
                        source_offset=start,
                        offset=at,
                        length=length,
                    )
                )
                at += length
    return Layout(header_length=header_length, parts=tuple(parts), size=at)
