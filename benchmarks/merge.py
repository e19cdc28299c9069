"""Our merge against `cp` of the same files, both until the bytes are on disk.

    python benchmarks/merge.py [--gigabytes 2] [--rounds 5] [--folder DIR]

The rounds alternate, so that both meet the same disk. Merging includes hashing every
part and the whole, and verifying each source's CHECKSUM; `cp` only copies.
"""

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from quire.products.specification import DataProductSpecification, parse_specification
from quire.testing.fits_files import image_file, keyword_list, specification
from quire.writers.fits.copy import CopyEngine, engines, read_write
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


def run_merge(
    wanted: DataProductSpecification, folder: Path, ways: tuple[CopyEngine, ...]
) -> None:
    """Merge and publish."""
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
        copy_engines=ways,
    )
    publish(part, folder / "out")


def run_copy(paths: dict[str, Path], folder: Path) -> None:
    """Copy the files with `cp` and flush them with `sync FILE...`."""
    out = folder / "copies"
    out.mkdir()
    subprocess.run(["cp", *paths.values(), out], check=True)
    subprocess.run(["sync", *out.iterdir()], check=True)


def run_copy_alone(paths: dict[str, Path], folder: Path) -> None:
    """Copy the files with `cp`, not flushed."""
    out = folder / "copies"
    out.mkdir()
    subprocess.run(["cp", *paths.values(), out], check=True)


def clear(folder: Path) -> None:
    """Remove what a round has written."""
    for name in ("attempt", "out", "copies"):
        shutil.rmtree(folder / name, ignore_errors=True)
    subprocess.run(["sync", "-f", folder], check=True)


def measure(
    rivals: dict[str, Callable[[], None]], folder: Path, rounds: int
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


def main() -> None:
    """Run both benchmarks."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--gigabytes", type=float, default=2.0)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--folder", type=Path, default=None)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        paths = make_files(folder, int(options.gigabytes * 1e9))
        size = sum(path.stat().st_size for path in paths.values())
        wanted = described(paths, 900)
        print(f"{FILES} files, {size / 1e9:.2f} GB, until on disk")
        medians = measure(
            {
                "cp, not flushed": lambda: run_copy_alone(paths, folder),
                "cp + sync": lambda: run_copy(paths, folder),
                "quire merge": lambda: run_merge(wanted, folder, engines()),
                "quire merge, pread/pwrite": lambda: run_merge(
                    wanted, folder, (read_write,)
                ),
            },
            folder,
            options.rounds,
        )
        ratio = medians["quire merge"] / medians["cp + sync"]
        print(f"  quire merge takes {ratio:.2f} times as long as cp + sync")
        small = make_small_files(folder)
        few = described(small, 500)
        print("5 files, 4 MB, 500 keywords")
        measure(
            {"quire merge": lambda: run_merge(few, folder, engines())},
            folder,
            4 * options.rounds,
        )


if __name__ == "__main__":
    main()
