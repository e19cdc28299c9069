"""Two servers, PostgreSQL, Dask and Slurm under kills and partitions: a short form."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.testing.campaigns.cluster import campaign
from quire.testing.slurm.cluster import NoSlurm, check
from quire.testing.slurm.configuration import Tracking

KILLS, PARTITIONS = 5, 4

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def slurm() -> Iterator[bool]:
    """Say whether a Slurm can be started here; its jobs run on Dask where not."""
    try:
        check(Tracking.LINUXPROC)
    except NoSlurm as reason:
        sys.stdout.write(f"NOT PROVED with Slurm: {reason}\n")
        yield False
    else:
        yield True


def test_nothing_is_lost_and_no_job_done_twice(tmp_path: Path, slurm: bool) -> None:
    seed = random.randrange(10**6)
    found = campaign(tmp_path, kills=KILLS, seed=seed, slurm=slurm)
    sys.stdout.write(found.line())
    assert not found.problems, f"seed {seed}: {found}"
    assert sum(found.blows.values()) == KILLS


def test_nor_when_the_lines_between_them_break(tmp_path: Path, slurm: bool) -> None:
    seed = random.randrange(10**6)
    found = campaign(tmp_path, partitions=PARTITIONS, seed=seed, slurm=slurm)
    sys.stdout.write(found.line())
    assert not found.problems, f"seed {seed}: {found}"
    assert all(found.broken[line] for line in ("database", "runners")), found.broken


def test_clients_that_do_not_wait_for_the_answer_do_lose(tmp_path: Path) -> None:
    found = campaign(tmp_path, kills=3, seed=3, control=True, slurm=False)
    sys.stdout.write(found.line())
    assert found.lost > 0
