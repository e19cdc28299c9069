"""What accounting remembers of a job that the controller has forgotten."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from quire.engines.slurm.commands import Commands
from quire.engines.slurm.endings import ending
from quire.testing.not_proved import not_proved
from quire.testing.slurm.accounting import NoAccounting
from quire.testing.slurm.cluster import NoSlurm, SlurmCluster
from quire.testing.slurm.configuration import Tracking
from quire.testing.waiting import PATIENCE


@pytest.fixture(scope="module")
def accounted() -> Iterator[SlurmCluster]:
    try:
        with SlurmCluster(Tracking.LINUXPROC, accounted=True) as cluster:
            yield cluster
    except (NoSlurm, NoAccounting) as reason:
        mend = "apt install slurmdbd mariadb-server munge (Debian)"
        pytest.skip(not_proved("Slurm with accounting", why=str(reason), mend=mend))


def forgotten(cluster: SlurmCluster, name: str) -> bool:
    listed = cluster.run("squeue", "--noheader", "--states=all", "--format=%j")
    return name not in listed.split()


async def test_it_says_how_a_forgotten_job_ended(accounted: SlurmCluster) -> None:
    name = "quire-accounted"
    number = accounted.run(
        *("sbatch", "--parsable", f"--job-name={name}", "--output=/dev/null"),
        text="#!/bin/sh\nexit 3\n",
    )
    commands = Commands(accounted.environment)
    deadline = time.monotonic() + PATIENCE
    while "FAILED" not in await ending(commands, number=number, name=name):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    while not forgotten(accounted, name):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    # The controller gives the number again some day: the name decides.
    for known in (number, ""):
        told = await ending(commands, number=known, name=name)
        assert "State FAILED" in told
        assert "ExitCode 3:0" in told
    assert await ending(commands, number="", name="quire-never") == ""
