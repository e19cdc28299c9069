"""Attempts under SIGKILL: no job lost, none done twice, wherever it strikes.

Server, supervisor and worker are killed at every named point of an attempt: before and
behind every word that the worker says and every decision that the server commits. Two
controls must be noticed: a server that forgets what was under way, and work that
publishes by itself.

Usage: python -m quire.testing.campaigns.attempts [--times 3] [--side 3]
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.store import Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.campaigns.trap import SERVER, VICTIMS, WORKER, Trap
from quire.testing.campaigns.trapped_server import COMPLETE, LOSE

_VERBS = ("queue", "claim", "tell", "deliver", "stage", "publish", "record", "complete")
POINTS = (
    *(f"{SERVER} {side} {verb}" for verb in _VERBS for side in ("before", "after")),
    *(
        f"{WORKER} {side} {verb}"
        for verb in ("claim", "tell", "deliver", "finish")
        for side in ("before", "after")
    ),
    f"{WORKER} amid work",
)
CONTROLS = ("lose", "double")
_KILLED = -9
# Seconds that the jobs of one case may take in all, beside those for each.
_PATIENCE, _PATIENCE_EACH = 60.0, 20.0
# How long a job is looked at that a server has forgotten: it never ends.
_FORGOTTEN = 5.0


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What one victim's death at one point came to.

    Attributes
    ----------
    kills
        Jobs during which the victim was killed.
    attempts
        That all jobs took together.
    problems
        Empty if every job has ended once, with one product of one attempt.
    """

    victim: str
    point: str
    kills: int
    attempts: int
    problems: tuple[str, ...]


def run_case(
    folder: Path, victim: str, point: str, *, times: int, control: str = ""
) -> Case:
    """Kill the victim at the point, in so many jobs.

    Parameters
    ----------
    control
        ``lose`` or ``double``: what is wrong on purpose.
    """
    folder.mkdir(parents=True)
    problems = _serve(folder, victim, point, times=times, control=control)
    made = not point.endswith(COMPLETE)
    found, attempts = asyncio.run(_judge(folder, times, made=made))
    trap = Trap(folder, SERVER)
    kills = sum(trap.sprung(_job(number)) for number in range(times))
    if kills < times:
        problems.append(f"the point was reached in {kills} of {times} jobs")
    return Case(
        victim=victim,
        point=point,
        kills=kills,
        attempts=attempts,
        problems=(*problems, *found),
    )


def campaign(
    folder: Path,
    *,
    times: int,
    side_by_side: int = 3,
    victims: Sequence[str] = VICTIMS,
    points: Sequence[str] = POINTS,
) -> list[Case]:
    """Run every case, some side by side."""
    cases = [(victim, point) for victim in victims for point in points]

    def run(numbered: tuple[int, tuple[str, str]]) -> Case:
        number, (victim, point) = numbered
        return run_case(folder / str(number), victim, point, times=times)

    with ThreadPoolExecutor(side_by_side) as pool:
        return list(pool.map(run, enumerate(cases)))


def _job(number: int) -> str:
    return str(uuid.UUID(int=number + 1, version=4))


def _serve(
    folder: Path, victim: str, point: str, *, times: int, control: str
) -> list[str]:
    """Start the server again until it has done all jobs; return what went wrong."""
    program = [sys.executable, "-m", "quire.testing.campaigns.trapped_server"]
    command = [*program, str(folder), victim, point, str(times)]
    command += ["--control", control] if control else []
    patience, trap = _PATIENCE + times * _PATIENCE_EACH, Trap(folder, SERVER)
    with (folder / "server.log").open("ab") as log:
        for _ in range(times + 2):
            forgotten = control == LOSE and trap.sprung(_job(0))
            try:
                code = subprocess.run(  # noqa: S603  # our own program
                    command,
                    stdout=log,
                    stderr=log,
                    timeout=_FORGOTTEN if forgotten else patience,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                return ["a job did not come to its end"]
            if code == 0:
                return []
            if code != _KILLED:
                said = (folder / "server.log").read_text()[-500:]
                return [f"the server ended with code {code}: {said}"]
    return ["the server died more often than it was killed"]


async def _judge(folder: Path, times: int, *, made: bool) -> tuple[list[str], int]:
    store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
    try:
        judged = await store.view(
            lambda tx: [
                _problems(tx, _job(number), folder, made=made)
                for number in range(times)
            ]
        )
    finally:
        await store.aclose()
    return [one for problems, _ in judged for one in problems], sum(
        attempts for _, attempts in judged
    )


def _problems(
    tx: Transaction, job: str, folder: Path, *, made: bool
) -> tuple[list[str], int]:
    found = tx.jobs.get(job)
    if found is None:
        return [f"{job} is lost"], 0
    problems = []
    if found.phase is not Phase.COMPLETED:
        why = f": {found.error.message}" if found.error else ""
        problems.append(f"{job} is {found.phase}{why}")
    ends = sum(entry.event.type.final for entry in tx.progress.entries(job, 0, 1000))
    if ends != 1:
        problems.append(f"{job} has {ends} ends")
    if made:
        problems += _problems_of_product(tx, found, folder)
    return problems, found.attempt


def _problems_of_product(tx: Transaction, job: Job, folder: Path) -> list[str]:
    files = [
        path
        for path in (folder / "products").glob(f"{job.id}*")
        if path.suffix != ".json"
    ]
    if tx.products.get(job.id) is None or len(files) != 1:
        return [f"{job.id} has {len(files)} products"]
    whole = {f"{job.id} {number}" for number in range(1, job.attempt + 1)}
    return [] if files[0].read_text() in whole else [f"{job.id} has a spoilt product"]


def _controls(folder: Path) -> list[str]:
    """Return the controls that were not noticed."""
    missed = []
    for control in CONTROLS:
        case = run_case(
            folder / control, SERVER, f"{WORKER} amid work", times=1, control=control
        )
        noticed = case.kills == 1 and any("product" in one for one in case.problems)
        sys.stdout.write(f"control {control}: {'; '.join(case.problems)}\n")
        if not noticed:
            missed.append(control)
    return missed


def main() -> None:
    """Run the campaign; ends with code 1 if anything was lost, doubled or missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--side", type=int, default=3, help="cases side by side")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        missed = _controls(folder / "controls")
        cases = campaign(
            folder / "cases", times=options.times, side_by_side=options.side
        )
    for case in cases:
        sys.stdout.write(
            f"{case.victim:10} {case.point:22} killed {case.kills:3}, "
            f"{case.attempts:3} attempts  {'; '.join(case.problems) or 'good'}\n"
        )
    bad = [case for case in cases if case.problems]
    kills = sum(case.kills for case in cases)
    sys.stdout.write(
        f"{kills} kills at {len(cases)} points and victims: "
        f"{len(bad)} cases with problems; controls missed: {missed or 'none'}\n"
    )
    sys.exit(1 if bad or missed else 0)


if __name__ == "__main__":
    main()
