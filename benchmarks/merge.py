"""Merging against `cp`, astropy and fitsio, on the same files in one run.

    python -m benchmarks.merge [--gigabytes 2] [--rounds 5] [--folder DIR]
                               [--fitsio PYTHON]

The rounds alternate, so that all meet the same disk; each ends when the bytes are on
it. Merging includes hashing every part and verifying each source's CHECKSUM; `cp` only
copies. The row for a file system that shares blocks needs root (XFS on a loop device).
fitsio is run by an interpreter that has it (`pip install fitsio` in an environment).
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

from benchmarks.merge_peer import Peers, row, verdict

from quire.jobs.job import Assignment, Completed, JobResult
from quire.products.specification import DataProductSpecification, parse_specification
from quire.testing.faults.sharing_disk import cannot_share, sharing_disk
from quire.testing.fits_files import image_file, keyword_list, specification
from quire.transfer.kinds import merge_kind
from quire.writers.fits.collected import Known, digests_of
from quire.writers.fits.merge import ProductIdentity, merge, publish

FILES = 6
IMAGES = 4


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


def known_of(wanted: DataProductSpecification) -> Known:
    """Return what collecting finds out of a specification's files."""
    return Known(
        digests={
            file.location: digests_of(file, Path(file.location))
            for file in wanted.files
        }
    )


def run_merge(
    wanted: DataProductSpecification,
    folder: Path,
    known: Known | None = None,
    *,
    published: bool = True,
    owned: Path | None = None,
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
        owned=owned,
    )
    if published:
        publish(part, folder / "out")


class Working:
    """Does the work of a job as a warm worker would, collecting included."""

    def __init__(self, raw: dict[str, Any], folder: Path) -> None:
        self.folder = folder / "attempt" / "1"
        self._kind = merge_kind({}, confined=True)
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


def merging_memory(folder: Path) -> float:
    """Return the MB that a process has used which merged once."""
    child = os.fork()
    if child == 0:
        words = [sys.executable, "-m", "benchmarks.merge", "--merge-only", str(folder)]
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


def against_copy(folder: Path, size: int, rounds: int, peers: Peers) -> None:
    """Print the rows of a large merge."""
    paths = make_files(folder, size)
    size = sum(path.stat().st_size for path in paths.values())
    wanted = described(paths, 900)
    known = known_of(wanted)
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
    ours, cp = medians["quire, verified"], medians["cp + sync"]
    row("seconds, our hash included", ours, "cp + sync", cp, most=1.1)
    row("seconds, source checksums verified", ours, "cp + sync", cp, most=1.4)
    for library, most in {
        "fitsio": 1 / 5,
        "astropy": 1 / 1.5,
        "astropy-memmap": 1 / 1.5,
    }.items():
        if reason := peers.missing(library):
            print(f"  {library}: not measured, {reason}")
            continue
        out = folder / "peer.fits"
        found = [
            peers.run(library, "merge", out, list(paths.values()), keywords=900)
            for _ in range(max(1, rounds // 3))
        ]
        out.unlink()
        row("seconds", ours, library, min(took for took, _ in found), most=most)
        used = max(kept for _, kept in found)
        tenth = 0.1 if library == "astropy-memmap" else 0.0
        row(
            "MB of memory, Python and numpy included", memory, library, used, most=tenth
        )


def with_sharing(folder: Path, size: int, rounds: int) -> None:
    """Print the row of a file system that shares blocks."""
    if reason := cannot_share():
        print(f"XFS on a loop device: not measured, {reason}")
        return
    with sharing_disk(folder, 4 * size + 10**9) as place:
        paths = make_files(place, size)
        wanted = described(paths, 900)
        known = known_of(wanted)
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
    row("seconds", medians["quire, hashes known"], "cp", cp, most=1 / 20)


def small_merge(folder: Path, rounds: int, peers: Peers) -> None:
    """Print the row of five files, 4 MB in all, and 500 keywords."""
    small = make_small_files(folder)
    few = described(small, 500)
    raw = specification(small)
    raw["sources"][0]["keywords"] += keyword_list(500)
    print("5 files, 4 MB, 500 keywords, to the folder's fsync")
    rivals: dict[str, Callable[[], object]] = {
        "merge()": lambda: run_merge(few, folder, published=False),
        "merge() and publication": lambda: run_merge(few, folder),
        "work(), collecting included": Working(raw, folder).run,
    }
    medians = measure(rivals, folder, 4 * rounds)
    ours = 1e3 * medians["work(), collecting included"]
    print(f"  ours {ours:.1f} ms, at most 10: {verdict(met=ours <= 10)}")
    for library in ("fitsio", "astropy"):
        if reason := peers.missing(library):
            print(f"  {library}: not measured, {reason}")
            continue
        out = folder / "peer.fits"
        files = list(small.values())
        took, _ = peers.run(
            library, "merge", out, files, keywords=500, rounds=4 * rounds
        )
        out.unlink()
        row("milliseconds", ours, library, 1e3 * took)


def growing(folder: Path, rounds: int, peers: Peers) -> None:
    """Print what it takes to make a product within a private copy of 500 MB."""
    source = image_file(folder / "own.fits", names=("A", "B"), shape=(15_000, 8000))
    raw = specification({})
    private = folder / "private.fits"
    own = {"type": "fitsFile", "sourceName": "own", "location": str(private)}
    raw["target"]["source"] = own
    raw["sources"][0]["keywords"] += keyword_list(300)
    wanted = parse_specification(raw)
    seconds = []
    for _ in range(rounds):
        durable_copy(source, private)
        known = known_of(wanted)
        begin = time.perf_counter()
        run_merge(wanted, folder, known, published=False, owned=private)
        seconds.append(time.perf_counter() - begin)
        clear(folder)
    ours = statistics.median(seconds)
    print("header of 500 MB grown by 300 cards: all of work() but the copying")
    print(f"  ours {ours:.3f} s, at most 0.1: {verdict(met=ours <= 0.1)}")
    if reason := peers.missing("fitsio"):
        print(f"  fitsio: not measured, {reason}")
        return
    durable_copy(source, private)
    took, _ = peers.run("fitsio", "grow", private, keywords=300)
    row("seconds", ours, "fitsio", took)
    private.unlink()


def durable_copy(source: Path, path: Path) -> None:
    """Copy a file, and have the disk take it."""
    path.unlink(missing_ok=True)
    subprocess.run(["cp", "--reflink=never", source, path], check=True)
    subprocess.run(["sync", path], check=True)


def main() -> None:
    """Print all rows."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--gigabytes", type=float, default=2.0)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--folder", type=Path, default=None)
    asked.add_argument("--fitsio", default=sys.executable, metavar="PYTHON")
    asked.add_argument("--merge-only", type=Path, help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.merge_only:
        merge_only(options.merge_only)
        return
    size = int(options.gigabytes * 1e9)
    peers = Peers(options.fitsio)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        against_copy(folder, size, options.rounds, peers)
        clear_all(folder)
        small_merge(folder, options.rounds, peers)
        growing(folder, options.rounds, peers)
        clear_all(folder)
        with_sharing(folder, size, options.rounds)


def clear_all(folder: Path) -> None:
    """Remove the sources too: the disk may be small."""
    for path in folder.glob("*.fits"):
        path.unlink()


if __name__ == "__main__":
    main()
