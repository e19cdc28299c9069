"""Merging against `cp` and astropy, on the same files in one run.

    python benchmarks/merge.py [--gigabytes 2] [--rounds 5] [--folder DIR]

The rounds alternate, so that all meet the same disk; each ends when the bytes are on
it. Merging includes hashing every part and verifying each source's CHECKSUM; `cp` only
copies. The row for a file system that shares blocks needs root (XFS on a loop device).
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quire.jobs.job import Assignment, Completed, JobResult
from quire.products.specification import DataProductSpecification, parse_specification
from quire.testing.faults.sharing_disk import cannot_share, sharing_disk
from quire.testing.fits_files import image_file, keyword_list, specification
from quire.transfer.kinds import merge_kind
from quire.writers.fits.collected import digests_of
from quire.writers.fits.linux import insert_range
from quire.writers.fits.merge import ProductIdentity, merge, publish
from quire.writers.fits.pump import write_all
from quire.writers.fits.writing import Known

FILES = 6
IMAGES = 4
UNIT = 184_320  # lcm(2880, 4096)
_ASTROPY = """
import os, sys
from astropy.io import fits
out, memory, *paths = sys.argv[1:]
hdus, kept = [fits.PrimaryHDU()], []
for path in paths:
    opened = fits.open(path, memmap=memory == "memmap", do_not_scale_image_data=True)
    kept.append(opened)
    hdus += list(opened[1:])
with open(out, "wb") as stream:
    fits.HDUList(hdus).writeto(stream)
    stream.flush()
    os.fsync(stream.fileno())
import resource
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def make_files(folder: Path, size: int) -> dict[str, Path]:
    """Write six multi-extension files of `size` bytes in all."""
    columns = 4096
    rows = max(1, size // FILES // IMAGES // 2 // columns)
    return {
        f"cam{number}": image_file(
            folder / f"cam{number}.fits",
            names=[f"CAM{number}.{chip}" for chip in range(IMAGES)],
            shape=(rows, columns),
            seed=number,
        )
        for number in range(FILES)
    }


def make_small_files(folder: Path) -> dict[str, Path]:
    """Write five files of 0.8 MB each."""
    return {
        f"cam{number}": image_file(
            folder / f"small{number}.fits",
            names=[f"S{number}"],
            shape=(400, 1024),
            seed=number,
        )
        for number in range(5)
    }


def described(paths: dict[str, Path], keywords: int) -> DataProductSpecification:
    """Return the specification that merges files and so many keywords."""
    raw = specification(paths)
    raw["sources"][0]["keywords"] += keyword_list(keywords)
    return parse_specification(raw)


def run_merge(
    wanted: DataProductSpecification,
    folder: Path,
    known: Known | None = None,
    *,
    published: bool = True,
) -> None:
    """Merge, and publish if asked to."""
    attempt = folder / "attempt"
    attempt.mkdir()
    part = merge(
        wanted,
        {file.location: Path(file.location) for file in wanted.files},
        attempt,
        made=datetime.now(UTC),
        identity=ProductIdentity(job="benchmark", attempt=1, code_version="0"),
        report=lambda _message, _percent: None,
        cancelled=lambda: False,
        known=known,
    )
    if published:
        publish(part, folder / "out")


class Working:
    """Does the work of a job as a warm worker would, collecting included."""

    def __init__(self, raw: dict[str, Any], folder: Path) -> None:
        self.folder = folder / "attempt" / "1"
        self._kind = merge_kind({})
        self.assignment = Assignment(
            job="j",
            attempt=1,
            kind="merge",
            parameters=self._kind.plan({"SPECIFICATION": raw}).parameters,
            runs=(),
            owner="me",
            folder=str(self.folder),
            data_folder=str(folder),
        )

    def tell(self, *_: object, **__: object) -> None:
        """Tell nobody."""

    def deliver(self, result: JobResult) -> None:
        """Deliver to nobody."""

    def cancelled(self) -> bool:
        """Never stop."""
        return False

    def run(self) -> None:
        """Do it."""
        self.folder.mkdir(parents=True)
        outcome = self._kind.work(self)
        if not isinstance(outcome, Completed):
            raise SystemExit(f"it ended with {outcome}")


def run_copy(paths: dict[str, Path], folder: Path) -> None:
    """Copy the files with `cp` and flush them with `sync FILE...`."""
    out = folder / "copies"
    out.mkdir()
    subprocess.run(["cp", "--reflink=never", *paths.values(), out], check=True)
    subprocess.run(["sync", *out.iterdir()], check=True)


def run_astropy(paths: dict[str, Path], folder: Path, memory: str) -> int:
    """Merge with astropy in a process of its own; return its memory in kB."""
    out = folder / "copies"
    out.mkdir()
    said = subprocess.run(
        [sys.executable, "-c", _ASTROPY, out / "a.fits", memory, *paths.values()],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(said.stdout)


def merging_memory(folder: Path) -> float:
    """Return the MB that a process has used which merged once."""
    child = os.fork()
    if child == 0:
        words = [sys.executable, __file__, "--merge-only", str(folder)]
        os.execv(sys.executable, words)  # noqa: S606 - ourselves
    _, _, used = os.wait4(child, 0)
    clear(folder)
    return used.ru_maxrss / 1024


def merge_only(folder: Path) -> None:
    """Merge the files that are there, for its memory."""
    paths = {path.stem: path for path in sorted(folder.glob("cam*.fits"))}
    run_merge(described(paths, 900), folder)


def clear(folder: Path) -> None:
    """Remove what a round has written."""
    for name in ("attempt", "out", "copies"):
        shutil.rmtree(folder / name, ignore_errors=True)
    subprocess.run(["sync", "-f", folder], check=True)


def measure(
    rivals: dict[str, Callable[[], object]], folder: Path, rounds: int
) -> dict[str, float]:
    """Run the rivals in turn; return the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(rounds + 1):
        for name, work in rivals.items():
            begin = time.perf_counter()
            work()
            took = time.perf_counter() - begin
            clear(folder)
            if number:  # the first round warms up
                seconds[name].append(took)
    for name, every in seconds.items():
        print(
            f"  {name:<28} median {statistics.median(every):7.3f} s"
            f"   min {min(every):7.3f} s"
        )
    return {name: statistics.median(every) for name, every in seconds.items()}


def against_copy(folder: Path, size: int, rounds: int) -> None:
    """Print the rows of a large merge."""
    paths = make_files(folder, size)
    size = sum(path.stat().st_size for path in paths.values())
    wanted = described(paths, 900)
    known = {
        file.location: digests_of(file, Path(file.location)) for file in wanted.files
    }
    print(f"{FILES} files, {size / 1e9:.2f} GB, until on disk")
    medians = measure(
        {
            "cp + sync": lambda: run_copy(paths, folder),
            "quire, verified": lambda: run_merge(wanted, folder),
            "quire, and as collected": lambda: run_merge(wanted, folder, known),
        },
        folder,
        rounds,
    )
    memory = merging_memory(folder)
    print(
        f"  quire {medians['quire, verified'] / medians['cp + sync']:.2f} x cp + sync"
    )
    mapped = [0]

    def with_memmap() -> None:
        mapped[0] = run_astropy(paths, folder, "memmap")

    rivals: dict[str, Callable[[], object]] = {
        "astropy, memmap": with_memmap,
        "astropy, no memmap": lambda: run_astropy(paths, folder, "read"),
    }
    measure(rivals, folder, max(1, rounds // 3))
    print(
        f"  memory: quire {memory:.0f} MB (Python and numpy), astropy {mapped[0] / 1024:.0f}"
    )


def with_sharing(folder: Path, size: int, rounds: int) -> None:
    """Print the row of a file system that shares blocks."""
    if reason := cannot_share():
        print(f"XFS on a loop device: not measured, {reason}")
        return
    with sharing_disk(folder, 4 * size + 10**9) as place:
        paths = make_files(place, size)
        wanted = described(paths, 900)
        known = {
            file.location: digests_of(file, Path(file.location))
            for file in wanted.files
        }
        print("the same on XFS on a loop device")
        medians = measure(
            {
                "cp --reflink=never + sync": lambda: run_copy(paths, place),
                "quire, hashes known": lambda: run_merge(wanted, place, known),
                "quire, hashes not known": lambda: run_merge(wanted, place),
            },
            place,
            rounds,
        )
    cp = medians["cp --reflink=never + sync"]
    print(f"  quire takes 1/{cp / medians['quire, hashes known']:.0f} of cp")


def growing(folder: Path, rounds: int) -> None:
    """Print what it takes to make room for 300 cards in a private copy of 500 MB."""
    path = folder / "private"
    seconds = []
    for _ in range(rounds):
        path.write_bytes(bytes(2880))
        with path.open("r+b") as stream:
            for at in range(0, 500_000_000, 10_000_000):
                write_all(stream.fileno(), os.urandom(10_000_000), at)
            os.fsync(stream.fileno())
            begin = time.perf_counter()
            done = insert_range(stream.fileno(), UNIT)
            write_all(stream.fileno(), b" " * UNIT, 0)
            os.fsync(stream.fileno())
            seconds.append(time.perf_counter() - begin)
            if not done:
                print("header growth: this file system moves no data")
                return
    print(f"header of 500 MB grown: median {statistics.median(seconds):.3f} s")


def main() -> None:
    """Print all rows."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--gigabytes", type=float, default=2.0)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--folder", type=Path, default=None)
    asked.add_argument("--merge-only", type=Path, help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.merge_only:
        merge_only(options.merge_only)
        return
    size = int(options.gigabytes * 1e9)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        against_copy(folder, size, options.rounds)
        small = make_small_files(folder)
        few = described(small, 500)
        raw = specification(small)
        raw["sources"][0]["keywords"] += keyword_list(500)
        print("5 files, 4 MB, 500 keywords, to the folder's fsync")
        rivals: dict[str, Callable[[], object]] = {
            "quire": lambda: run_merge(few, folder, published=False),
            "quire, with publication": lambda: run_merge(few, folder),
            "quire, work() and collecting": Working(raw, folder).run,
        }
        measure(rivals, folder, 4 * options.rounds)
        growing(folder, options.rounds)
        with_sharing(folder, size, options.rounds)


if __name__ == "__main__":
    main()
