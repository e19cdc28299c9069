"""What `benchmarks/merge.py` compares with, in an interpreter that has the library.

    python benchmarks/merge_peer.py LIBRARY WORK KEYWORDS ROUNDS OUT FILE...

LIBRARY is `fitsio`, `astropy` or `astropy-memmap`; WORK is `merge`, into OUT, or `grow`:
so many keywords are added to the header of OUT itself. Each round ends when the bytes are
on the disk; imports are not counted. Prints the seconds of each round, and the kilobytes
that the process has used.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


class Peers:
    """Other libraries' merges, each in a process of its own.

    Parameters
    ----------
    fitsio
        The interpreter that has fitsio.
    """

    def __init__(self, fitsio: str) -> None:
        self._fitsio = fitsio

    def missing(self, library: str) -> str:
        """Return why a library cannot be compared with, empty if it can."""
        words = [self._python(library), "-c", f"import {library.partition('-')[0]}"]
        if subprocess.run(words, check=False, capture_output=True).returncode == 0:
            return ""
        return f"{library} is not installed (--fitsio PYTHON names one that has it)"

    def run(
        self,
        library: str,
        work: str,
        out: Path,
        paths: Sequence[Path] = (),
        *,
        keywords: int = 0,
        rounds: int = 1,
    ) -> tuple[float, float]:
        """Return the median seconds of its rounds, and its memory in MB."""
        words = [library, work, str(keywords), str(rounds), str(out), *map(str, paths)]
        said = subprocess.run(
            [self._python(library), __file__, *words],
            check=True,
            capture_output=True,
            text=True,
        )
        found = json.loads(said.stdout)
        # The first round of many warms up.
        took = found["seconds"][1:] or found["seconds"]
        return statistics.median(took), found["kilobytes"] / 1024

    def _python(self, library: str) -> str:
        return self._fitsio if library == "fitsio" else sys.executable


def row(  # a column each
    what: str, ours: float, peer: str, theirs: float, *, most: float = 0.0
) -> None:
    """Print a row: ours, the peer's, the ratio, and what it may be at the most.

    Parameters
    ----------
    most
        Of ours divided by the peer's; 0 if nothing is asked.
    """
    ratio = ours / theirs
    told = "" if not most else f", at most {most:.2f}: " + verdict(met=ratio <= most)
    print(f"  {what}: {ours:.4g}, {peer} {theirs:.4g}, ratio {ratio:.3f}{told}")


def verdict(*, met: bool) -> str:
    """Return whether a target is met, in a word."""
    return "met" if met else "MISSED"


def keywords(count: int) -> list[tuple[str, float]]:
    """Return names and values of so many keywords."""
    return [(f"HIERARCH ESO OCS PAR{n} VAL", n * 1.5) for n in range(count)]


def by_astropy(out: Path, paths: Sequence[Path], count: int, *, memmap: bool) -> None:
    """Merge with astropy, whose images stay as they are."""
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    for name, value in keywords(count):
        primary.header[name] = value
    hdus: list[Any] = [primary]
    opened = [
        fits.open(path, memmap=memmap, do_not_scale_image_data=True) for path in paths
    ]
    for one in opened:
        hdus += list(one[1:])
    with out.open("wb") as stream:
        fits.HDUList(hdus).writeto(stream)
        stream.flush()
        os.fsync(stream.fileno())
    for one in opened:
        one.close()


def by_fitsio(out: Path, paths: Sequence[Path], count: int) -> None:
    """Merge with fitsio, which is cfitsio."""
    import fitsio  # type: ignore[import-not-found]

    primary = [{"name": name, "value": value} for name, value in keywords(count)]
    with fitsio.FITS(str(out), "rw", clobber=True) as target:
        target.write(None, header=primary)
        for path in paths:
            with fitsio.FITS(str(path)) as source:
                for hdu in source[1:]:
                    target.write(hdu.read(), header=hdu.read_header())
    flush(out)


def grow(out: Path, count: int) -> None:
    """Add keywords to the primary header of a file, in place, with fitsio."""
    import fitsio

    with fitsio.FITS(str(out), "rw") as target:
        for name, value in keywords(count):
            target[0].write_key(name, value)
    flush(out)


def flush(out: Path) -> None:
    """Have the disk take a file."""
    descriptor = os.open(out, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def main() -> None:
    """Do the work, and print what it took."""
    library, work, count, rounds, name, *files = sys.argv[1:]
    out, paths = Path(name), [Path(file) for file in files]
    what: Callable[[], None]
    if work == "grow":
        what = lambda: grow(out, int(count))  # noqa: E731
    elif library == "fitsio":
        what = lambda: by_fitsio(out, paths, int(count))  # noqa: E731
    else:
        memmap = library == "astropy-memmap"
        what = lambda: by_astropy(out, paths, int(count), memmap=memmap)  # noqa: E731
    __import__("fitsio" if library == "fitsio" else "astropy.io.fits")
    took = []
    for _ in range(int(rounds)):
        if work == "merge":
            out.unlink(missing_ok=True)
        begin = time.perf_counter()
        what()
        took.append(time.perf_counter() - begin)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": took, "kilobytes": used}))


if __name__ == "__main__":
    main()
