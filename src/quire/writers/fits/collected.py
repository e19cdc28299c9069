"""What a collected source comes to, HDU by HDU, so that nobody need read it again."""

import hashlib
import mmap
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from quire.products.layout import Hdu
from quire.products.manifest import PIECE
from quire.products.source_problem import SourceProblem
from quire.products.specification import FitsFile
from quire.writers.fits.blocks import OpenSource, read_hdus
from quire.writers.fits.hashing import Digest, digest_hdu, digest_of
from quire.writers.fits.sources import open_source, require_unchanged

NOT_AS_COLLECTED = "it is not what was collected: somebody wrote to it"

_PAGE = 2 * 2**20
_THREADS = 4
# Below this, threads take longer to start than to hash.
_WORTH_THREADS = 4 * 1024 * 1024


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A source in memory, as it was when it was collected.

    Attributes
    ----------
    content
        All of its bytes.
    """

    content: memoryview
    hdus: tuple[Hdu, ...]

    def data(self, hdu: Hdu) -> memoryview:
        """Return the data of an HDU, with their padding."""
        return self.content[hdu.data_offset : hdu.offset + hdu.length]

    @property
    def digests(self) -> tuple[Digest, ...]:
        """What each of its HDUs comes to."""
        return tuple(digest_of(hdu.header, self.data(hdu)) for hdu in self.hdus)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the sources since they were collected, by their location.

    Attributes
    ----------
    digests
        What the HDUs of a source came to.
    private
        Those, among them, of whose files nobody else can write to one.
    held
        Sources that are in memory; of them no digests are needed.
    """

    digests: Mapping[str, tuple[Digest, ...]] = {}
    private: frozenset[str] = frozenset()
    held: Mapping[str, Held] = {}


class Memory:
    """Room for sources that are held.

    In large pages, where the system has them: to touch many small ones for the first
    time takes longer than to read what goes there.

    Parameters
    ----------
    size
        Bytes of all sources.
    """

    def __init__(self, size: int) -> None:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        # Nothing but whole large pages is placed where they fit.
        room = mmap.mmap(-1, (size // _PAGE + 1) * _PAGE, flags=flags)
        if sys.platform.startswith("linux"):
            with suppress(OSError):  # a kernel without them
                room.madvise(mmap.MADV_HUGEPAGE)
        self._left = memoryview(room)

    def take(self, size: int) -> memoryview:
        """Return room for so many bytes, or for fewer if there is no more."""
        taken, self._left = self._left[:size], self._left[size:]
        return taken


def held(file: FitsFile, path: Path, memory: Memory) -> Held:
    """Read a source into memory.

    Raises
    ------
    SourceProblem
        It is no FITS file, or changed meanwhile.
    """
    with open_source(file, path) as source:
        hdus = read_hdus(source)
        content = memory.take(source.size)
        size = os.preadv(source.descriptor, [content], 0)
        require_unchanged(source)
        if size < source.size or any(
            content[hdu.offset : hdu.data_offset] != hdu.header for hdu in hdus
        ):
            raise source.changed("it changed while it was read")
        return Held(content=content, hdus=hdus)


def digests_of(
    file: FitsFile, path: Path, *, proceed: Callable[[], None] = lambda: None
) -> tuple[Digest, ...]:
    """Return what each HDU of a source comes to.

    Parameters
    ----------
    proceed
        Called before each HDU; raises to stop.

    Raises
    ------
    SourceProblem
        It is no FITS file, or changed meanwhile.
    """
    with open_source(file, path) as source:
        hdus = read_hdus(source)
        try:
            found = tuple(_digests(source, hdus, proceed))
        except EOFError:
            raise source.changed("it became shorter while it was read") from None
        require_unchanged(source)
        return found


def as_collected(source: OpenSource, known: Known) -> tuple[Hdu, ...]:
    """Return the HDUs of a source, whose headers are those that were collected.

    Unless it is held, its data are compared where they are read again.

    Raises
    ------
    SourceProblem
        It is no FITS file, and was never collected.
    SourceChanged
        Somebody has written to it since.
    """
    if in_memory := known.held.get(source.location):
        return in_memory.hdus
    former = known.digests.get(source.location)
    if former is None:
        return read_hdus(source)
    try:
        hdus = read_hdus(source)
    except SourceProblem as problem:  # it was good when it was collected
        raise source.changed(f"{NOT_AS_COLLECTED}: {problem.reason}") from None
    if len(former) != len(hdus):
        raise source.changed(NOT_AS_COLLECTED)
    for hdu, one in zip(hdus, former, strict=True):
        pieces = -(-hdu.data_length // PIECE)
        same = one.header == hashlib.sha256(hdu.header).digest()
        if not same or len(one.pieces) != pieces:
            raise source.changed(f"HDU {hdu.index}: {NOT_AS_COLLECTED}")
    return hdus


def _digests(
    source: OpenSource, hdus: Sequence[Hdu], proceed: Callable[[], None]
) -> Iterator[Digest]:
    if source.size < _WORTH_THREADS:
        for hdu in hdus:
            proceed()
            yield digest_hdu(source.descriptor, hdu)
        return
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="collected") as pool:
        work = [
            pool.submit(partial(digest_hdu, source.descriptor, hdu)) for hdu in hdus
        ]
        try:
            for one in work:
                proceed()
                yield one.result()
        finally:
            for one in work:
                one.cancel()
