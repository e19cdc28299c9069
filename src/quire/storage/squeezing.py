"""Bodies of blocks, squeezed: documents repeat their keys, and disks are slow.

A body of JSON comes down to a tenth or a third. zstd takes less time for it than SQLite
takes for the pages that are saved, in the log and again at the checkpoint, and lets
other threads run meanwhile. Its frames carry a checksum: a flipped bit does not pass.
"""

from typing import TYPE_CHECKING

from quire.errors import StoreUnavailable

if TYPE_CHECKING:
    import zstandard

_WORTH_IT = 2048  # bytes; smaller bodies fit a page anyhow
_LEVEL = 1
# A table that stays in the processor's nearest cache: a sixth faster, and documents
# repeat what stood shortly before.
_HASH_LOG = 12


class Squeezer:
    """Squeezes bodies, for one thread."""

    def __init__(self) -> None:
        self._compressor: zstandard.ZstdCompressor | None = None

    def squeeze(self, body: bytes) -> bytes:
        """Return the body, squeezed where that makes it smaller."""
        if len(body) < _WORTH_IT:
            return body
        if self._compressor is None:
            import zstandard

            self._compressor = zstandard.ZstdCompressor(
                compression_params=zstandard.ZstdCompressionParameters.from_level(
                    _LEVEL, hash_log=_HASH_LOG, write_checksum=True
                )
            )
        small = self._compressor.compress(body)
        return small if len(small) < len(body) else body


def whole(body: bytes, length: int) -> bytes:
    """Return what `Squeezer.squeeze` was given.

    Parameters
    ----------
    length
        Of what is wanted, bytes; a squeezed body is shorter.

    Raises
    ------
    StoreUnavailable
        It is damaged.
    """
    if len(body) == length:
        return body
    import zstandard

    try:
        found = zstandard.ZstdDecompressor().decompress(body, max_output_size=length)
    except zstandard.ZstdError as error:
        raise StoreUnavailable(f"a block of documents is damaged: {error}") from None
    if len(found) != length:
        raise StoreUnavailable("a block of documents is damaged: its length is wrong")
    return found
