"""Hashing a product while it is being written, from what the file really holds."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any, Self

import msgspec

from quire.writers.fits.checksum import ones_sum

# A multiple of 4, as the sums need.
_READ = 1024 * 1024
_THREADS = 4
_FLUSH_EVERY = 128 * 1024 * 1024


class Stopped(Exception):
    """The hashing was told to stop."""


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of the product: a header of `header_length`, then data."""

    offset: int
    length: int
    header_length: int = 0


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """What a stretch's bytes come to.

    Attributes
    ----------
    sha256
        Hexadecimal.
    header
        Its first bytes.
    data_sum
        Ones'-complement sum of what follows them.
    """

    sha256: str
    header: bytes
    data_sum: int


def read_range(descriptor: int, offset: int, length: int) -> Iterator[memoryview]:
    """Yield a stretch of a file in pieces; each is overwritten by the next.

    Raises
    ------
    EOFError
        The file ends before.
    """
    buffer = memoryview(bytearray(min(_READ, length)))
    while length:
        piece = buffer[: min(len(buffer), length)]
        filled = 0
        while filled < len(piece):
            count = os.preadv(descriptor, [piece[filled:]], offset + filled)
            if not count:
                raise EOFError(f"the file ends at byte {offset + filled}")
            filled += count
        yield piece
        offset += filled
        length -= filled


class ProductHashes:
    """Hashes stretches as they become complete, and the whole in order.

    Use as a context manager; leaving it stops and joins its threads.

    Parameters
    ----------
    descriptor
        The product, open for reading and writing.
    """

    def __init__(self, descriptor: int, stretches: Sequence[Stretch]) -> None:
        self._descriptor = descriptor
        self._stretches = stretches
        self._written = [Event() for _ in stretches]
        self._stop = Event()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="hash")
        self._digests: list[Future[Digest]] = []
        self._flushes: list[Future[None]] = []
        self._unflushed = 0
        self._whole = self._pool.submit(self._hash_whole)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for written in self._written:
            written.set()
        self._pool.shutdown(cancel_futures=True)

    def written(self) -> None:
        """Say that the next stretch is complete."""
        number = len(self._digests)
        stretch = self._stretches[number]
        self._written[number].set()
        self._digests.append(self._pool.submit(self._hash_part, stretch))
        self._unflushed += stretch.length
        if self._unflushed >= _FLUSH_EVERY:
            # The disk works while we hash; the error of a flush is never lost.
            self._unflushed = 0
            self._flushes.append(self._pool.submit(os.fdatasync, self._descriptor))

    def done(self, *, timeout: float) -> bool:
        """Wait at most `timeout` seconds; return whether everything is hashed."""
        futures: list[Future[Any]] = [*self._digests, *self._flushes, self._whole]
        return not wait(futures, timeout=timeout).not_done

    def results(self) -> tuple[tuple[Digest, ...], str]:
        """Return the digest of each stretch and the SHA-256 of the whole.

        Raises
        ------
        OSError
            The disk refused.
        """
        for flush in self._flushes:
            flush.result()
        return tuple(one.result() for one in self._digests), self._whole.result()

    def _hash_whole(self) -> str:
        digest = hashlib.sha256()
        for stretch, written in zip(self._stretches, self._written, strict=True):
            written.wait()
            for piece in self._pieces(stretch.offset, stretch.length):
                digest.update(piece)
        return digest.hexdigest()

    def _hash_part(self, stretch: Stretch) -> Digest:
        first = stretch.header_length
        header = b"".join(map(bytes, self._pieces(stretch.offset, first)))
        digest, total = hashlib.sha256(header), 0
        for piece in self._pieces(stretch.offset + first, stretch.length - first):
            digest.update(piece)
            total = ones_sum(piece, total)
        return Digest(sha256=digest.hexdigest(), header=header, data_sum=total)

    def _pieces(self, offset: int, length: int) -> Iterator[memoryview]:
        for piece in read_range(self._descriptor, offset, length):
            if self._stop.is_set():
                raise Stopped
            yield piece
