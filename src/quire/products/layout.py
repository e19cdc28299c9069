"""Which bytes of which source stand where in a merged FITS product."""

from collections.abc import Sequence

import msgspec

BLOCK = 2880
PRIMARY = "PRIMARY"
# Below this, sharing blocks with the source is not worth longer headers.
_WORTH_SHARING = 256 * 1024
# FITS blocks until every offset modulo 4096 has come up: 4096 / gcd(2880, 4096).
_MOST_PADDING = 64


def padded(size: int) -> int:
    """Return a number of bytes rounded up to whole FITS blocks."""
    return -(-size // BLOCK) * BLOCK


def alignment_padding(at: int, wanted: int, align: int) -> int:
    """Return how many bytes of whole blocks bring `at` to `wanted` modulo `align`.

    Parameters
    ----------
    align
        Bytes of a file system's block; 0 if nothing need be aligned.

    Returns
    -------
        0 too where no padding of at most 63 blocks does it.
    """
    if align:
        for count in range(_MOST_PADDING):
            if (at + count * BLOCK - wanted) % align == 0:
                return count * BLOCK
    return 0


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
        Bytes that are copied; a multiple of 2880.
    padding
        Bytes of blank cards that its header gets before its END.
    """

    source: int
    hdu: int
    source_offset: int
    offset: int
    length: int
    padding: int = 0

    @property
    def end(self) -> int:
        """Where it ends in the product."""
        return self.offset + self.length + self.padding


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
    header_length: int,
    sources: Sequence[Sequence[Hdu]],
    *,
    in_place: bool,
    align: int = 0,
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
    align
        Bytes of the file system's blocks, if the data of extensions shall lie in them
        as they do in the source; 0 if not.
    """
    at, parts = header_length, []
    for number, hdus in enumerate(sources):
        for hdu in hdus:
            start, length = hdu.offset, hdu.length
            if hdu.index == 0:
                start = hdu.data_offset
                length = hdu.data_length if in_place and number == 0 else 0
            if length:
                wide = hdu.index and hdu.data_length >= _WORTH_SHARING
                data_at = at + len(hdu.header)
                part = LayoutPart(
                    source=number,
                    hdu=hdu.index,
                    source_offset=start,
                    offset=at,
                    length=length,
                    padding=alignment_padding(data_at, hdu.data_offset, align)
                    if wide
                    else 0,
                )
                parts.append(part)
                at = part.end
    return Layout(header_length=header_length, parts=tuple(parts), size=at)
