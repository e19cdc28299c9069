"""Jobs on Dask under SIGKILL of server, scheduler and workers: none lost, none twice.

Usage: python -m quire.testing.campaigns.dask [--kills 100]
"""

import argparse
import asyncio
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import msgspec

from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.ports.store import Transaction
from quire.testing.campaigns.server import ServerProcess
from quire.testing.dask.cluster import DaskCluster
from quire.testing.stores import open_store_of

_SETTINGS = """
attempt_lease = 4.0

[engines.cluster]
type = "dask"
address = "{address}"
slots = 8
poll = 0.2

[kinds.wait]
engine = "cluster"
"""
_VICTIMS = ("server", "scheduler", "worker 0", "worker 1")
# Jobs that wait or run while something is killed, and how long each takes.
_AT_ONCE, _SECONDS = 6, 0.4
# Seconds between a kill and the next; all jobs must have ended in so many.
_BETWEEN, _PATIENCE = (0.3, 1.2), 90.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign came to.

    Attributes
    ----------
    problems
        Empty if every job has ended once.
    """

    kills: dict[str, int]
    jobs: int
    attempts: int
    problems: tuple[str, ...]


def campaign(folder: Path, *, kills: int, seed: int) -> Outcome:
    """Kill so often, while jobs come and go."""
    dice, killed = random.Random(seed), Counter[str]()  # noqa: S311  # no secret
    data = folder / "data"
    for made in (data, folder / "dask"):
        made.mkdir(parents=True)
    with DaskCluster(folder / "dask") as cluster:
        (data / "quire.toml").write_text(_SETTINGS.format(address=cluster.address))
        server = ServerProcess(data)
        server.start()
        known: set[str] = set()
        try:
            for _ in range(kills):
                _fill(server, known)
                time.sleep(dice.uniform(*_BETWEEN))
                victim = dice.choice(_VICTIMS)
                _kill(victim, server, cluster)
                killed[victim] += 1
            ended = _until_ended(server)
        finally:
            server.stop()
    jobs, attempts, problems = asyncio.run(_judge(data, known))
    if not ended:
        problems.append("not all jobs came to their end")
    return Outcome(
        kills=dict(killed), jobs=jobs, attempts=attempts, problems=tuple(problems)
    )


def _fill(server: ServerProcess, known: set[str]) -> None:
    """Submit as many jobs as have ended."""
    wanted = {"kind": "wait", "parameters": {"SECONDS": _SECONDS}, "run": True}
    with contextlib.suppress(httpx.TransportError), server.http() as http:
        for _ in range(_AT_ONCE - _open_jobs(http)):
            answer = http.post("/api/v1/jobs", json=wanted)
            if answer.is_success:
                known.add(answer.json()["id"])


def _kill(victim: str, server: ServerProcess, cluster: DaskCluster) -> None:
    if victim == "server":
        server.kill()
        server.start()
    elif victim == "scheduler":
        cluster.kill_scheduler()
        cluster.start()
    else:
        cluster.kill_worker(int(victim[-1]))
        cluster.start()


def _open_jobs(http: httpx.Client) -> int:
    phases = {"phase": ["QUEUED", "EXECUTING"], "limit": "1000"}
    return len(http.get("/api/v1/jobs", params=phases).json()["jobs"])


def _until_ended(server: ServerProcess) -> bool:
    deadline = time.monotonic() + _PATIENCE
    with server.http() as http:
        while time.monotonic() < deadline:
            if not _open_jobs(http):
                return True
            time.sleep(0.1)
    return False


async def _judge(folder: Path, known: set[str]) -> tuple[int, int, list[str]]:
    store = await open_store_of(folder)
    try:
        return await store.view(lambda tx: _problems(tx, known))
    finally:
        await store.aclose()


def _problems(tx: Transaction, known: set[str]) -> tuple[int, int, list[str]]:
    jobs = tx.jobs.page(JobQuery(limit=100_000))
    problems = [f"{job} is lost" for job in known - {job.id for job in jobs}]
    for job in jobs:
        # Thrice lost is an end that the job's owner is told of.
        thrice = job.error is not None and job.error.code == "attempt_lost"
        if job.phase is not Phase.COMPLETED and not thrice:
            problems.append(f"{job.id} is {job.phase}: {job.error}")
        ends = sum(one.event.type.final for one in tx.progress.entries(job.id, 0, 1000))
        if ends != 1:
            problems.append(f"{job.id} has {ends} ends")
    return len(jobs), sum(job.attempt for job in jobs), problems


def main() -> None:
    """Run the campaign; ends with code 1 if anything was lost or doubled."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = campaign(Path(name), kills=options.kills, seed=options.seed)
    sys.stdout.write(
        f"seed {options.seed}: {found.kills}, {found.jobs} jobs in "
        f"{found.attempts} attempts: {'; '.join(found.problems) or 'good'}\n"
    )
    sys.exit(1 if found.problems else 0)


if __name__ == "__main__":
    main()
