"""What a collected source comes to, HDU by HDU, so that nobody need read it again."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from quire.products.layout import Hdu
from quire.products.manifest import PIECE
from quire.products.source_problem import SourceProblem
from quire.products.specification import FitsFile
from quire.writers.fits.blocks import OpenSource, read_hdus
from quire.writers.fits.hashing import Digest, digest_hdu
from quire.writers.fits.sources import open_source, require_unchanged

Known = Mapping[str, Sequence[Digest]]
"""What the HDUs of a source came to when it was collected, by its location."""

NOT_AS_COLLECTED = "it is not what was collected: somebody wrote to it"

_THREADS = 4
# Below this, threads take longer to start than to hash.
_WORTH_THREADS = 4 * 1024 * 1024


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

    Its data are compared where they are read again.

    Raises
    ------
    SourceProblem
        It is no FITS file, and was never collected.
    SourceChanged
        Somebody has written to it since.
    """
    former = known.get(source.location)
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
