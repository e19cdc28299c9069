"""Attempts that are killed, run out of disk, or compute for too long."""

import os
import resource
import signal
from pathlib import Path

import pytest
from tests.kinds.test_collecting import files, in_place, published, seen
from tests.kinds.test_releasing import NAME, counting
from tests.kinds.working import Attempt

from quire.jobs.job import Completed, Suspended
from quire.kinds.merge.cpu import CpuSpent, cpu_limit
from quire.testing.faults.full_disk import lift_limit, limit_files


@pytest.mark.parametrize("place", range(11))
def test_an_attempt_that_is_killed_anywhere_loses_and_doubles_nothing(
    tmp_path: Path, place: int
) -> None:
    paths, log, olas = files(tmp_path), tmp_path / "log", tmp_path / "olas"
    olas.mkdir()
    before = seen(paths)
    wanted = {
        **in_place(paths),
        "receivers": [
            {"type": "commandReceiver", "command": "count"},
            {"type": "olasReceiver", "path": str(olas)},
        ],
    }
    left = iter(range(place))

    def kill(_: str) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        first = Attempt(tmp_path, wanted, transfers=counting(log), disturb=kill)
        first.kind.work(first)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)

    second = Attempt(tmp_path, wanted, number=2, transfers=counting(log))
    product = published(second.kind.work(second), tmp_path)

    assert seen(paths) == before
    assert log.read_text().splitlines() == [NAME]
    assert (olas / NAME).samefile(product)


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
