"""What a collected source comes to, HDU by HDU, so that nobody need read it again."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from quire.products.layout import Hdu
from quire.products.specification import FitsFile
from quire.writers.fits.blocks import OpenSource, read_hdus
from quire.writers.fits.hashing import Digest, digest_hdu
from quire.writers.fits.sources import open_source, require_unchanged

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
            reason = "it became shorter while it was read"
            raise source.problem(reason, "retry when it is complete") from None
        require_unchanged(source)
        return found


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
