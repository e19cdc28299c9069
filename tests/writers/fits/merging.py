"""What the tests of the merger share."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quire.products.specification import parse_specification
from quire.testing.fits_files import specification
from quire.writers.fits.collected import Known
from quire.writers.fits.hashing import Digest
from quire.writers.fits.merge import MergedPart, ProductIdentity, merge

MADE = datetime(2026, 11, 21, 1, 2, 3, tzinfo=UTC)


def attempt(folder: Path, name: str = "attempt") -> Path:
    place = folder / name
    place.mkdir()
    return place


def merge_raw(
    raw: Mapping[str, Any],
    folder: Path,
    *,
    report: Callable[[str, int], None] = lambda _message, _percent: None,
    cancelled: Callable[[], bool] = lambda: False,
    known: Mapping[str, tuple[Digest, ...]] | None = None,
    owned: Path | None = None,
    private: Collection[str] = (),
    made: datetime = MADE,
) -> MergedPart:
    wanted = parse_specification(raw)
    return merge(
        wanted,
        {file.location: Path(file.location) for file in wanted.files},
        folder,
        made=made,
        identity=ProductIdentity(
            job="job-1", attempt=2, runs=("run-1",), code_version="0.1"
        ),
        report=report,
        cancelled=cancelled,
        known=Known(digests=known or {}, private=frozenset(private)),
        owned=owned,
    )


def merge_paths(paths: Mapping[str, Path], folder: Path) -> MergedPart:
    return merge_raw(specification(paths), folder)
