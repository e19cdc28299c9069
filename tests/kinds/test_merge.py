import os
from pathlib import Path
from typing import Any

import pytest

from quire.jobs.job import (
    Assignment,
    Blocked,
    Completed,
    JobResult,
    Severity,
    Standing,
    Suspended,
)
from quire.kinds.merge import MergeKind
from quire.testing.faults.full_disk import lift_limit, limit_files
from quire.testing.fits_files import image_file, specification


class Context:
    """What the work is given, and what it told."""

    def __init__(self, folder: Path, wanted: dict[str, Any]) -> None:
        self.folder = folder / "jobs" / "j" / "1"
        self.folder.mkdir(parents=True)
        self.standings: list[Standing] = []
        self.assignment = Assignment(
            job="j",
            attempt=1,
            kind="merge",
            parameters=MergeKind().plan({"SPECIFICATION": wanted}).parameters,
            runs=(),
            owner="me",
            folder=str(self.folder),
            data_folder=str(folder),
        )

    def tell(
        self,
        message: str,
        progress: int | None = None,
        *,
        standing: Standing | None = None,
    ) -> None:
        del message, progress
        if standing is not None:
            self.standings.append(standing)

    def cancelled(self) -> bool:
        return False

    def deliver(self, result: JobResult) -> None:
        raise AssertionError(result)


def test_it_tells_each_substate_once_and_the_alerts_at_the_end(tmp_path: Path) -> None:
    source = image_file(tmp_path / "a.fits", primary_pixels=True)
    context = Context(tmp_path, specification({"cam": source}))
    outcome = MergeKind().work(context)
    assert isinstance(outcome, Completed)
    steps = [one.step for one in context.standings]
    assert steps == ["Collecting", "Merging", "Merging"]
    assert [len(one.alerts) for one in context.standings] == [0, 0, 1]
    (alert,) = context.standings[-1].alerts
    assert alert.severity is Severity.WARNING


def test_a_full_disk_suspends_and_leaves_nothing(tmp_path: Path) -> None:
    source = image_file(tmp_path / "a.fits", shape=(1024, 1024))
    context = Context(tmp_path, specification({"cam": source}))
    limit_files(os.getpid(), 1_000_000)
    try:
        outcome = MergeKind().work(context)
    finally:
        lift_limit(os.getpid())
    assert isinstance(outcome, Suspended)
    (alert,) = outcome.alerts
    assert (alert.id, alert.severity) == ("low_space", Severity.WARNING)
    assert "goes on by itself" in alert.description
    assert list(context.folder.iterdir()) == []
    assert isinstance(MergeKind().work(context), Completed)


@pytest.mark.parametrize("dictionary", ["[", "[keywords]\n"])
def test_a_dictionary_that_went_bad_blocks(tmp_path: Path, dictionary: str) -> None:
    wanted = specification({"cam": image_file(tmp_path / "a.fits")})
    context = Context(tmp_path, {**wanted, "keywordDictionaries": ["d"]})
    (tmp_path / "dictionaries").mkdir()
    (tmp_path / "dictionaries" / "d.toml").write_text(dictionary)
    outcome = MergeKind().work(context)
    assert isinstance(outcome, Blocked)
    assert outcome.alerts[0].severity is Severity.ERROR
