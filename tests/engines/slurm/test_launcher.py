import asyncio
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from quire.engines.slurm.launcher import SlurmLauncher
from quire.engines.slurm.settings import SlurmSettings
from quire.ports.launcher import (
    UNSEEN,
    AttemptKey,
    LauncherAway,
    LaunchRefused,
    Resources,
    RunnerOrder,
    Seen,
    There,
)
from quire.testing.engine_bench import alive, noted, until_dead
from quire.testing.slurm.cluster import SlurmCluster
from quire.testing.waiting import PATIENCE

SECRET = "s3cret-of-one-attempt"  # noqa: S105  # of nobody


def order(job: str = "", attempt: int = 1, **resources: object) -> RunnerOrder:
    return RunnerOrder(
        job=job or str(uuid.uuid4()),
        attempt=attempt,
        kind="wait",
        url="http://127.0.0.1:9",
        token=SECRET,
        resources=Resources(**resources),  # type: ignore[arg-type]
    )


def key(of: RunnerOrder) -> AttemptKey:
    return of.job, of.attempt


async def until(launcher: SlurmLauncher, of: RunnerOrder, *standings: There) -> There:
    async with asyncio.timeout(PATIENCE):
        while True:
            found = (await launcher.poll([key(of)])).get(key(of), UNSEEN).there
            if found in standings:
                return found
            await asyncio.sleep(0.05)


def names(cluster: SlurmCluster, of: RunnerOrder) -> list[str]:
    listed = cluster.run("squeue", "--noheader", "--states=all", "--format=%j")
    return [name for name in listed.splitlines() if of.job in name]


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Makes what stands in for the interpreter: a shell script."""

    def make(lines: str) -> str:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def make(
    cluster: SlurmCluster, tmp_path: Path
) -> Iterator[Callable[..., SlurmLauncher]]:
    def launcher(python: str, **settings: object) -> SlurmLauncher:
        environment = dict(cluster.environment)
        return SlurmLauncher(
            tmp_path,
            SlurmSettings(python=python, environment=environment, **settings),  # type: ignore[arg-type]
        )

    yield launcher
    cluster.clear()


Make = Callable[..., SlurmLauncher]
Program = Callable[[str], str]


async def test_it_runs_and_is_gone(
    make: Make, program: Program, cluster: SlurmCluster, tmp_path: Path
) -> None:
    launcher = make(program(f'echo "$@" > {tmp_path}/words; env > {tmp_path}/env'))
    await launcher.start()
    given = order()
    await launcher.launch(given)
    await until(launcher, given, There.GONE)
    assert (tmp_path / "words").exists(), cluster.standing()
    words = (tmp_path / "words").read_text()
    assert f"-m quire.runner --url http://127.0.0.1:9 --job {given.job}" in words
    assert f"QUIRE_ATTEMPT_TOKEN={SECRET}\n" in (tmp_path / "env").read_text()


async def test_the_token_is_nowhere_to_be_read(
    make: Make, program: Program, cluster: SlurmCluster
) -> None:
    launcher = make(program("exec sleep 60"))
    given = order()
    await launcher.launch(given)
    await until(launcher, given, There.RUNNING)
    number = cluster.run("squeue", "--me", "--noheader", "--format=%A", "--states=R")
    shown = cluster.run("scontrol", "show", "job", "--details", number.split()[-1])
    assert SECRET not in shown
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert SECRET.encode() not in entry.read_bytes()
        except OSError:
            continue
    await launcher.kill(key(given))


async def test_a_launch_is_idempotent_also_for_the_next_server(
    make: Make, program: Program, cluster: SlurmCluster
) -> None:
    python = program("exec sleep 60")
    first = make(python)
    given = order()
    await first.launch(given)
    await first.launch(given)
    await first.stop()
    second = make(python)
    await second.start()
    await second.launch(given)
    assert len(names(cluster, given)) == 1
    await until(second, given, There.RUNNING)
    await second.kill(key(given))
    await until(second, given, There.GONE)
    await second.launch(given)  # it was launched, and has ended
    assert len(names(cluster, given)) == 1
    await second.launch(order(given.job, 2))
    assert len(names(cluster, given)) == 2


async def test_what_waits_is_taken_from_the_queue(
    make: Make, program: Program, cluster: SlurmCluster
) -> None:
    launcher = make(program("exec sleep 60"))
    big, waiting = order(cores=cluster.place.cores), order(cores=cluster.place.cores)
    await launcher.launch(big)
    await until(launcher, big, There.RUNNING)
    await launcher.launch(waiting)
    assert await until(launcher, waiting, There.WAITING, There.RUNNING) == "waiting"
    await launcher.kill(key(waiting))
    await until(launcher, waiting, There.GONE)
    await launcher.kill(key(big))
    await launcher.kill(key(big))
    await launcher.kill(("unknown", 1))
    await until(launcher, big, There.GONE)


async def test_what_hears_no_signal_is_killed_without_grace(
    make: Make, program: Program, tmp_path: Path
) -> None:
    note = f"echo $$ $PPID > {tmp_path}/.w; mv {tmp_path}/.w {tmp_path}/worker"
    launcher = make(program(f"trap '' TERM; {note}; while :; do sleep 1; done"))
    given = order()
    await launcher.launch(given)
    pid, _ = await noted(tmp_path, "worker")
    await launcher.kill(key(given))
    async with asyncio.timeout(25):  # Slurm's own grace is 30 s
        await until_dead(pid)
    await until(launcher, given, There.GONE)


async def test_resources_are_asked_for(
    make: Make, program: Program, cluster: SlurmCluster
) -> None:
    launcher = make(program("exec sleep 60"), options=("--nice=7",))
    given = order(
        cores=2,
        memory=300_000_000,
        wall_clock=90,
        partition="other",
        tags=("fast", "licenses=none"),
    )
    with pytest.raises(LaunchRefused, match="license"):
        await launcher.launch(given)
    given = order(
        cores=2, memory=300_000_000, wall_clock=90, partition="other", tags=("fast",)
    )
    await launcher.launch(given)
    await until(launcher, given, There.RUNNING)
    shown = cluster.run("scontrol", "show", "job", "--oneliner")
    [mine] = [line for line in shown.splitlines() if given.job in line]
    assert "TRES=cpu=2,mem=287M" in mine
    assert "TimeLimit=00:03:00" in mine
    assert "Partition=other" in mine
    assert "Features=fast" in mine
    assert "Nice=7" in mine
    assert "Requeue=0" in mine
    await launcher.kill(key(given))


@pytest.mark.parametrize(
    "resources",
    [
        Resources(partition="nowhere"),
        Resources(tags=("never",)),
        Resources(tags=("wrap=rm",)),
    ],
)
async def test_what_slurm_never_takes_is_refused(
    resources: Resources, make: Make, program: Program
) -> None:
    launcher = make(program("true"))
    with pytest.raises(LaunchRefused, match=r"sbatch: error|takes no tag"):
        await launcher.launch(replace(order(), resources=resources))


async def until_why(launcher: SlurmLauncher, of: RunnerOrder, words: str) -> Seen:
    """Return how an attempt stands, once these words are the reason."""
    async with asyncio.timeout(PATIENCE):
        while True:
            seen = (await launcher.poll([key(of)])).get(key(of), UNSEEN)
            if words in seen.why:
                return seen
            await asyncio.sleep(0.05)


@pytest.fixture
def shut(cluster: SlurmCluster) -> Iterator[None]:
    """A partition that begins nothing."""
    cluster.run("scontrol", "update", "PartitionName=main", "State=DOWN")
    yield
    cluster.run("scontrol", "update", "PartitionName=main", "State=UP")


def number(cluster: SlurmCluster, of: RunnerOrder) -> str:
    """Return what Slurm calls the job of an attempt."""
    listed = cluster.run("squeue", "--noheader", "--format=%A %j")
    [mine] = [line.split()[0] for line in listed.splitlines() if of.job in line]
    return mine


@pytest.mark.usefixtures("shut")
async def test_why_it_waits_is_told(
    make: Make, program: Program, cluster: SlurmCluster
) -> None:
    launcher = make(program("true"))
    given = order()
    await launcher.launch(given)
    seen = await until_why(launcher, given, "PartitionDown")
    assert seen.there is There.WAITING
    mine = number(cluster, given)
    cluster.run("scontrol", "hold", mine)
    cluster.run("scontrol", "update", "PartitionName=main", "State=UP")
    seen = await until_why(launcher, given, "JobHeld")
    assert seen.there is There.WAITING
    assert mine in seen.why
    cluster.run("scontrol", "release", mine)
    await until(launcher, given, There.GONE)
    assert (await launcher.poll([key(given)]))[key(given)].why == ""


async def test_what_can_never_begin_in_its_partition_is_told(
    make: Make, program: Program
) -> None:
    launcher = make(program("true"))
    given = order(partition="other", wall_clock=24 * 3600)
    await launcher.launch(given)
    seen = await until_why(launcher, given, "PartitionTimeLimit")
    assert seen.there is There.WAITING


async def test_nodes_that_are_drained_are_told(
    make: Make, program: Program, cluster: SlurmCluster
) -> None:
    launcher = make(program("true"))
    node = f"NodeName={cluster.place.node}"
    cluster.run("scontrol", "update", node, "State=DRAIN", "Reason=maintenance")
    given = order()
    try:
        await launcher.launch(given)
        await until_why(launcher, given, "DRAINED")
    finally:
        cluster.run("scontrol", "update", node, "State=RESUME")
    await until(launcher, given, There.GONE)


async def test_how_it_ended_is_told(make: Make, program: Program) -> None:
    launcher = make(program("exit 3"))
    given = order()
    await launcher.launch(given)
    seen = await until_why(launcher, given, "FAILED")
    assert seen.there is There.GONE
    assert "ExitCode 3:0" in seen.why


async def test_what_an_operator_cancels_is_told(
    make: Make, program: Program, cluster: SlurmCluster
) -> None:
    launcher = make(program("exec sleep 60"))
    given = order()
    await launcher.launch(given)
    await until(launcher, given, There.RUNNING)
    cluster.run("scancel", number(cluster, given))
    seen = await until_why(launcher, given, "CANCELLED")
    assert seen.there is There.GONE


async def test_what_slurm_has_suspended_ends_when_it_is_killed(
    make: Make, program: Program, cluster: SlurmCluster, tmp_path: Path
) -> None:
    note = f"echo $$ $PPID > {tmp_path}/.w; mv {tmp_path}/.w {tmp_path}/worker"
    launcher = make(program(f"{note}; exec sleep 60"), patience=4.0)
    given = order()
    await launcher.launch(given)
    pid, _ = await noted(tmp_path, "worker")
    await until(launcher, given, There.RUNNING)
    cluster.run("scontrol", "suspend", number(cluster, given))
    seen = await until_why(launcher, given, "suspended")
    assert seen.there is There.RUNNING
    await launcher.kill(key(given))
    await until_dead(pid)
    await until(launcher, given, There.GONE)


async def test_without_slurm_it_says_so(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path)}
    launcher = SlurmLauncher(tmp_path, SlurmSettings(environment=environment))
    await launcher.start()
    with pytest.raises(LauncherAway, match="squeue"):
        await launcher.launch(order())


@pytest.mark.crash
async def test_a_dead_controller_costs_time_and_nothing_else(
    make: Make, program: Program, cluster: SlurmCluster, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    launcher = make(program(f"echo x >> {ran}"), patience=1.0)
    before, given = order(), order()
    await launcher.launch(before)
    await until(launcher, before, There.GONE)
    cluster.kill("slurmctld")
    with pytest.raises(LauncherAway):
        await launcher.launch(given)
    with pytest.raises(LauncherAway):
        await launcher.poll([key(given)])
    with pytest.raises(LauncherAway):
        await launcher.kill(key(given))
    cluster.start("slurmctld")
    cluster.until_ready()
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await launcher.launch(given)
                break
            except LauncherAway:
                continue
    await until(launcher, given, There.GONE)
    assert len(names(cluster, given)) == 1
    # A killed controller may run a job again that had ended: its claim is refused.
    assert ran.read_text().startswith("x\nx\n")


@pytest.mark.crash
async def test_a_job_outlives_the_daemons(
    make: Make, program: Program, cluster: SlurmCluster, tmp_path: Path
) -> None:
    note = f"echo $$ $PPID > {tmp_path}/.w; mv {tmp_path}/.w {tmp_path}/worker"
    launcher = make(program(f"{note}; exec sleep 60"))
    given = order()
    await launcher.launch(given)
    pid, _ = await noted(tmp_path, "worker")
    await until(launcher, given, There.RUNNING)
    cluster.stop("slurmctld")
    cluster.kill("slurmd")
    for daemon in ("slurmctld", "slurmd"):
        cluster.start(daemon)
    cluster.until_ready()
    assert alive(pid)
    assert os.getpid() != pid
    assert (await launcher.poll([key(given)]))[key(given)].there is There.RUNNING
    await launcher.kill(key(given))
    await until_dead(pid)
    await until(launcher, given, There.GONE)
