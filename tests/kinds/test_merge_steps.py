"""Attempts that are killed, run out of disk, or compute for too long."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.kinds.test_collecting import files, in_place, published, seen
from tests.kinds.test_releasing import NAME, counting
from tests.kinds.working import Attempt
from tests.writers.fits.judging import judge

from quire.jobs.job import Completed, Severity, Suspended
from quire.kinds.merge.cpu import CpuSpent, cpu_limit
from quire.testing.faults.full_disk import (
    cannot_mount,
    lift_limit,
    limit_files,
    small_disk,
)
from quire.testing.not_proved import not_proved

# What the interpreter tells of before it is done to a file (sys.addaudithook).
STEPS = frozenset(
    {
        "fcntl.ioctl",
        "open",
        "os.link",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.truncate",
        "subprocess.Popen",
    }
)


def delivered(paths: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Return a specification whose product goes to a program and to a folder."""
    (folder / "olas").mkdir(parents=True)
    receivers = [
        {"type": "commandReceiver", "command": "count"},
        {"type": "olasReceiver", "path": str(folder / "olas")},
    ]
    return {**in_place(paths), "receivers": receivers}


def killed(work: Callable[[], object], step: int) -> bool:
    """Have a child work, and kill it before what it does to files for the nth time."""
    child = os.fork()
    if child == 0:
        left = iter(range(step))

        def look(event: str, _: object) -> None:
            if event in STEPS and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(look)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("first", range(4))
def test_an_attempt_that_is_killed_anywhere_loses_and_doubles_nothing(
    tmp_path: Path, first: int
) -> None:
    paths = files(tmp_path)
    before = seen(paths)
    steps: list[list[str]] = []
    for step in range(first, 1000, 4):
        folder = tmp_path / f"killed-{step}"
        wanted, log = delivered(paths, folder), folder / "log"
        one = Attempt(folder, wanted, transfers=counting(log))
        if not killed(partial(one.kind.work, one), step):
            break
        two = Attempt(folder, wanted, number=2, transfers=counting(log))
        product = published(two.kind.work(two), folder)

        steps.append(two.steps)
        assert seen(paths) == before
        assert (folder / "olas" / NAME).samefile(product)
        assert [path.name for path in (folder / "olas").iterdir()] == [NAME]
        assert [path.name for path in two.folder.iterdir()] == []
        # A program may be run twice: if it ended, and its mark had not been made.
        assert set(log.read_text().splitlines()) == {NAME}
        assert len(log.read_text().splitlines()) <= 2
    assert ["Collecting", "Merging", "Releasing"] in steps
    assert ["Releasing"] in steps  # what is merged is not merged again


@pytest.mark.parametrize("room", range(100_000, 1_000_000, 100_000))
def test_a_disk_that_is_full_anywhere_is_waited_for(tmp_path: Path, room: int) -> None:
    if reason := cannot_mount():
        mend = "run as root where a tmpfs can be mounted"
        pytest.skip(not_proved("a full disk", why=reason, mend=mend))
    paths = files(tmp_path)
    before = seen(paths)
    with small_disk(tmp_path / "disk", room) as disk:
        wanted, log = delivered(paths, disk), tmp_path / "log"
        copy = {"type": "folderReceiver", "path": str(disk / "copies")}
        (disk / "copies").mkdir()
        wanted["receivers"].append(copy)
        one = Attempt(disk, wanted, transfers=counting(log))
        outcome = one.kind.work(one)
        if isinstance(outcome, Suspended):
            assert {alert.severity for alert in outcome.alerts} == {Severity.WARNING}
            assert [path.name for path in one.folder.iterdir()] == []
            assert [*(disk / "copies").iterdir()] == []
        else:
            assert isinstance(outcome, Completed)
        words = ["mount", "-o", "remount,size=9M", str(disk)]
        subprocess.run(words, check=True)
        two = Attempt(disk, wanted, number=2, transfers=counting(log))
        product = published(two.kind.work(two), disk)
        judge(product)

        assert (disk / "copies" / NAME).read_bytes() == product.read_bytes()
        assert (disk / "olas" / NAME).samefile(product)
        assert log.read_text().splitlines() == [NAME]
    assert seen(paths) == before


@pytest.mark.parametrize("most", [10_000, 50_000])
def test_a_full_disk_waits_and_goes_on(tmp_path: Path, most: int) -> None:
    paths = files(tmp_path)
    before = seen(paths)
    first = Attempt(tmp_path, in_place(paths))
    limit_files(os.getpid(), most)
    try:
        outcome = first.kind.work(first)
    finally:
        lift_limit(os.getpid())

    assert isinstance(outcome, Suspended)
    second = Attempt(tmp_path, in_place(paths), number=2)
    assert isinstance(second.kind.work(second), Completed)
    assert seen(paths) == before


@cpu_limit(0, seconds=1)
def compute_for_ever() -> None:
    while True:
        pass


def test_an_attempt_may_compute_only_for_so_long() -> None:
    with pytest.raises(CpuSpent):
        compute_for_ever()

    with cpu_limit(0, seconds=1):  # set anew: what was used before does not count
        assert sum(range(1000)) == 499_500


def test_more_bytes_allow_more_computing() -> None:
    with cpu_limit(0, seconds=1) as budget:
        narrow, _ = resource.getrlimit(resource.RLIMIT_CPU)
        budget.more(1_000_000_000)
        wide, _ = resource.getrlimit(resource.RLIMIT_CPU)
    assert wide == narrow + 10
    assert resource.getrlimit(resource.RLIMIT_CPU)[0] == resource.RLIM_INFINITY
