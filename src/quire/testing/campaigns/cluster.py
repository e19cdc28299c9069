"""Kill anything of a facility under load: nothing is lost, nothing is done twice.

    python -m quire.testing.campaigns.cluster --kills 100
    python -m quire.testing.campaigns.cluster --partitions 100

Two servers on one PostgreSQL and one data folder take documents, and jobs that run on
a Dask, on a Slurm and on the servers themselves. With ``--kills`` one of all that is
killed (SIGKILL) at random and started again: a server, PostgreSQL or one connection of
it, Dask's scheduler or a worker, slurmctld or slurmd. With ``--partitions`` the lines
between servers and database, servers and scheduler, runners and servers are proxies
that delay, reset and fall silent at random, and one of them at a time passes nothing.
What clients were told is set against what is stored. With ``--control`` clients take
all for acknowledged before the answer: that must lose.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import msgspec

from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.store import PostgresStore
from quire.storage.postgres.target import Target
from quire.testing.campaigns.cluster_stand import LABELLED, ClusterStand
from quire.testing.campaigns.documents import Figures, compare
from quire.testing.campaigns.jobs import JobClient, JobFigures, judge
from quire.testing.campaigns.postgres import PatientClient, wait_until_ready

_KINDS = {
    "on_dask": {"SECONDS": 0.3},
    "on_slurm": {"SECONDS": 0.3},
    "here": {"SECONDS": 0.2},
}
# Seconds between two blows; all jobs must have ended so long after the last.
_BETWEEN, _PATIENCE = (0.2, 1.5), 300.0
# Seconds without the end of a job after which an operator looks after Slurm.
_STUCK = 30.0
_LOOK = 0.2


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign came to.

    Attributes
    ----------
    blows
        How often what was struck.
    broken
        How connections broke, of each line.
    open
        Jobs without an end when patience was at its own.
    """

    blows: dict[str, int]
    broken: dict[str, dict[str, int]]
    documents: Figures
    jobs: JobFigures
    open: int
    refused: tuple[str, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not as it must be; empty if nothing."""
        found = [*self.jobs.problems, *self.refused, *self.documents.refused]
        if self.open:
            found.append(f"{self.open} jobs have no end")
        if self.documents.lost or self.documents.doubled:
            found.append(self.documents.line())
        if not (self.documents.acknowledged and self.jobs.jobs):
            found.append("there was no load")
        return tuple(found)

    @property
    def lost(self) -> int:
        """What was acknowledged and is not there."""
        return self.documents.lost + self.jobs.lost

    def line(self) -> str:
        """Return the closing line."""
        jobs = self.jobs
        broken = f"; lines broke: {self.broken}" if self.broken else ""
        return (
            f"{sum(self.blows.values())} blows {self.blows}{broken}; "
            f"{self.documents.line()}; {jobs.jobs} jobs in {jobs.attempts} attempts, "
            f"{jobs.aborted} aborted, {jobs.given_up} given up, {jobs.lost} lost"
        )


def campaign(  # a campaign has no fewer
    folder: Path,
    *,
    kills: int = 0,
    partitions: int = 0,
    seed: int,
    control: bool = False,
    slurm: bool = True,
) -> Outcome:
    """Run one on a new stand.

    Parameters
    ----------
    kills, partitions
        How many blows of each sort.
    control
        Let clients take what they sent for acknowledged too early.
    slurm
        Whether there is a Slurm; without, its jobs run on Dask.

    Raises
    ------
    NoSlurm, NoPostgres
        The stand cannot be started here.
    """
    dice = random.Random(seed)  # noqa: S311  # repeatable, no secret
    documents = [PatientClient(dice.getrandbits(64), hasty=control) for _ in range(2)]
    jobs = [
        JobClient(dice.getrandbits(64), _KINDS, labelled=LABELLED, hasty=control)
        for _ in range(2)
    ]
    with ClusterStand(folder, dice, broken=partitions > 0, slurm=slurm) as stand:
        work = [client.stream_to for client in documents]
        work += [client.submit_to for client in jobs]
        with _Load(work, stand):
            blows = _strike_all(stand, dice, _order(dice, kills, partitions))
        left = _settled(stand, [] if control else jobs)
        if left:
            (folder / "standing.txt").write_text(stand.standing())
        return _outcome(stand, blows, documents, jobs, left)


def _outcome(
    stand: ClusterStand,
    blows: Counter[str],
    documents: Sequence[PatientClient],
    jobs: Sequence[JobClient],
    left: int,
) -> Outcome:
    """Set what clients were told against what is stored."""
    return Outcome(
        blows=dict(blows),
        broken={name: dict(line.broken) for name, line in stand.lines.items()},
        documents=compare(stand.servers[0], documents, blows.total()),
        jobs=asyncio.run(_judge(stand, jobs)),
        open=left,
        refused=tuple(reason for client in jobs for reason in client.refused),
    )


class _Load:
    """Clients at work, for as long as the context lasts."""

    def __init__(
        self, work: Sequence[Callable[..., None]], stand: ClusterStand
    ) -> None:
        self._gone = threading.Event()
        self._threads = [
            threading.Thread(target=one, args=(stand.servers, self._gone))
            for one in work
        ]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._gone.set()
        for thread in self._threads:
            thread.join()


def _order(dice: random.Random, kills: int, partitions: int) -> list[str]:
    order = ["kill"] * kills + ["partition"] * partitions
    dice.shuffle(order)
    return order


def _strike_all(
    stand: ClusterStand, dice: random.Random, order: Sequence[str]
) -> Counter[str]:
    """Strike so often, and return what was struck."""
    blows = Counter[str]()
    for blow in order:
        time.sleep(dice.uniform(*_BETWEEN))
        if blow == "partition":
            blows[f"line to {stand.part()}"] += 1
        else:
            victim = dice.choice(stand.victims())
            stand.strike(victim)
            blows[victim] += 1
    return blows


def _settled(stand: ClusterStand, clients: Sequence[JobClient]) -> int:
    """Wait until all is well and over; return how many jobs have no end."""
    stand.postgres.wait()
    wait_until_ready(stand.servers[0])
    for client in clients:
        client.settle(stand.servers, _PATIENCE)
    return _until_ended(stand)


def _until_ended(stand: ClusterStand) -> int:
    """Return how many jobs have no end once patience is at its own."""
    deadline, left = time.monotonic() + _PATIENCE, 1
    stuck = time.monotonic() + _STUCK
    phases = {"phase": ["QUEUED", "EXECUTING"], "limit": "1000"}
    while left and time.monotonic() < deadline:
        stand.heal()
        try:
            with stand.servers[0].http() as http:
                answer = http.get("/api/v1/jobs", params=phases)
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.is_success:
            before, left = left, len(answer.json()["jobs"])
            if left != before:
                stuck = time.monotonic() + _STUCK
        if time.monotonic() > stuck:
            stand.restart_slurm()
            stuck = time.monotonic() + _STUCK
        time.sleep(_LOOK if left else 0.0)
    return left


async def _judge(stand: ClusterStand, clients: Sequence[JobClient]) -> JobFigures:
    wishes = [wish for client in clients for wish in client.wishes]
    store = await PostgresStore.open(Target(stand.database), doorbell=LocalDoorbell())
    try:
        return await store.view(
            lambda tx: judge(tx, wishes, stand.data_folder, LABELLED)
        )
    finally:
        await store.aclose()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign from the command line; 0 if it ended as it must."""
    parser = argparse.ArgumentParser(prog="python -m quire.testing.campaigns.cluster")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--partitions", type=int, default=0)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--control", action="store_true", help="must lose")
    parser.add_argument("--without-slurm", action="store_true")
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="quire-campaign-"))
    begun = time.monotonic()
    found = campaign(
        folder,
        kills=chosen.kills,
        partitions=chosen.partitions,
        seed=chosen.seed,
        control=chosen.control,
        slurm=not chosen.without_slurm,
    )
    name = "cluster, negative control" if chosen.control else "cluster"
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{name}: seed {chosen.seed}, {found.line()}, {seconds:.0f} s\n")
    good = found.lost > 0 if chosen.control else not found.problems
    if good:
        shutil.rmtree(folder)
        return 0
    for problem in found.problems[:20]:
        sys.stdout.write(f"  {problem}\n")
    sys.stdout.write(f"NOT as it must be; what servers said is kept: {folder}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
