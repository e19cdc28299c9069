import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from quire.errors import AttemptLost
from quire.jobs.job import (
    Alert,
    Blocked,
    Completed,
    Failed,
    Job,
    JobError,
    JobResult,
    Severity,
    StagedProduct,
)
from quire.jobs.limits import Excess, KindLimits, Limits
from quire.jobs.phases import Phase
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store
from quire.progress.event import complete, info
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.engine_bench import Bench
from quire.testing.stores import open_store_of

FATAL = Failed(error=JobError(type="fatal", code="c", message="It broke"))
TRANSIENT = Failed(error=JobError(type="transient", code="c", message="Busy"))


class SteadyClock:
    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time


@pytest.fixture
def clock() -> SteadyClock:
    return SteadyClock()


async def open_store(name: str, folder: Path, doorbell: Doorbell) -> Store:
    if name == "memory":
        return MemoryStore(doorbell=doorbell)
    return await open_store_of(folder, doorbell)


@pytest.fixture(params=["memory", "lasting"])
async def bench(
    request: pytest.FixtureRequest, tmp_path: Path, clock: SteadyClock
) -> AsyncIterator[Bench]:
    doorbell = LocalDoorbell()
    store = await open_store(request.param, tmp_path, doorbell)
    yield Bench(store, doorbell, tmp_path, clock=clock, lease=30.0)
    await store.aclose()


async def executing(bench: Bench) -> str:
    job = await bench.submit("wait", X=1)
    given = await bench.attempts.claim(job, 1)
    Path(given.folder).mkdir(parents=True)
    return job


async def staged(bench: Bench, job: str) -> StagedProduct:
    folder = Path("jobs") / job / "1"
    for name in ("a.part", "a.json"):
        (bench.data_folder / folder / name).write_text(name)
    return StagedProduct(
        file_name="a.fits",
        manifest_name="a.json",
        part=str(folder / "a.part"),
        manifest=str(folder / "a.json"),
        size=6,
        sha256="ab",
        mime_type="application/fits",
        runs=("r",),
    )


async def put(bench: Bench, job: Job) -> None:
    await bench.store.decide(lambda tx: tx.jobs.put(job))


async def test_a_claim_says_what_is_to_be_done(bench: Bench) -> None:
    job = await bench.submit("wait", X=1)
    given = await bench.attempts.claim(job, 1)
    assert (given.job, given.attempt, given.kind) == (job, 1, "wait")
    assert (given.parameters, given.owner) == ({"X": 1}, "tester")
    assert Path(given.folder) == bench.data_folder / "jobs" / job / "1"
    claimed = await bench.job(job)
    assert (claimed.phase, claimed.lease_until) == (Phase.EXECUTING, 1030.0)
    assert await bench.messages(job) == []


@pytest.mark.parametrize("attempt", [0, 1, 3])
async def test_only_the_next_number_can_be_claimed(bench: Bench, attempt: int) -> None:
    job = await executing(bench)
    await bench.attempts.lose(job, 1, "it died")
    before = await bench.job(job)
    with pytest.raises(AttemptLost):
        await bench.attempts.claim(job, attempt)
    assert await bench.job(job) == before


async def test_of_many_claims_one_succeeds(bench: Bench) -> None:
    job = await bench.submit("wait")
    claims = (bench.attempts.claim(job, 1) for _ in range(8))
    outcomes = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(isinstance(outcome, AttemptLost) for outcome in outcomes) == 7


async def test_a_new_attempt_says_so(bench: Bench) -> None:
    job = await executing(bench)
    await bench.attempts.tell(job, 1, info("Far", 80))
    await bench.attempts.lose(job, 1, "it died")
    await bench.attempts.claim(job, 2)
    await bench.attempts.tell(job, 2, info("Anew", 10))
    assert await bench.messages(job) == [
        "info: Far",
        "error: Attempt 1 was lost: it died; trying again in 0.01 s",
        "info: Attempt 2 begins",
        "info: Anew",
    ]
    progress = [entry.event.progress for entry in await bench.log(job)]
    assert progress == [80, None, None, None]


VERBS: dict[str, Callable[[Bench, str, int], Awaitable[None]]] = {
    "beat": lambda bench, job, n: bench.attempts.beat(job, n),
    "tell": lambda bench, job, n: bench.attempts.tell(job, n, info("late")),
    "deliver": lambda bench, job, n: bench.attempts.deliver(
        job, n, JobResult(id="r", path="p", size=1, mime_type="t")
    ),
    "complete": lambda bench, job, n: bench.attempts.finish(job, n, Completed()),
    "fail": lambda bench, job, n: bench.attempts.finish(job, n, FATAL),
    "hold": lambda bench, job, n: bench.attempts.finish(job, n, Blocked(alerts=())),
    "lose": lambda bench, job, n: bench.attempts.lose(job, n, "late"),
    "overrun": lambda bench, job, n: bench.attempts.overrun(job, n),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_whoever_was_overtaken_changes_nothing(bench: Bench, verb: str) -> None:
    requeued = await executing(bench)
    await bench.attempts.lose(requeued, 1, "it died")
    await bench.attempts.claim(requeued, 2)
    aborted = await executing(bench)
    await bench.abort(aborted)
    for job, attempt in ((requeued, 1), (requeued, 3), (aborted, 1), ("none", 1)):
        before = None if job == "none" else await bench.job(job)
        log = await bench.log(job)
        with pytest.raises(AttemptLost):
            await VERBS[verb](bench, job, attempt)
        if before is not None:
            assert await bench.job(job) == before
        assert await bench.log(job) == log


async def test_a_beat_renews_the_lease_when_a_third_is_gone(
    bench: Bench, clock: SteadyClock
) -> None:
    job = await executing(bench)
    clock.time += 5
    await bench.attempts.beat(job, 1)
    assert (await bench.job(job)).lease_until == 1030.0
    clock.time += 6
    await bench.attempts.beat(job, 1)
    assert (await bench.job(job)).lease_until == 1041.0


async def test_an_attempt_cannot_end_the_log(bench: Bench) -> None:
    job = await executing(bench)
    await bench.attempts.tell(job, 1, complete("Done already"))
    await bench.attempts.finish(job, 1, FATAL)
    assert await bench.messages(job) == ["info: Done already", "failed: It broke"]


async def test_results_are_kept_by_their_ids(bench: Bench) -> None:
    job = await executing(bench)
    first = JobResult(id="a", path="p", size=1, mime_type="t")
    second = JobResult(id="b", path="q", size=1, mime_type="t")
    await bench.attempts.deliver(job, 1, first)
    newer = replace(first, size=2)
    await bench.attempts.finish(job, 1, Completed(results=(newer, second)))
    done = await bench.job(job)
    assert (done.phase, done.results) == (Phase.COMPLETED, (newer, second))
    assert await bench.messages(job) == ["complete: Completed"]


async def test_a_blocked_job_names_its_alerts_and_goes_on(bench: Bench) -> None:
    job = await executing(bench)
    alerts = tuple(
        Alert(id=name, severity=Severity.ERROR, description=f"no file {name}")
        for name in ("x", "y")
    )
    await bench.attempts.finish(job, 1, Blocked(alerts=alerts))
    held = await bench.job(job)
    assert (held.phase, [alert.at for alert in held.alerts]) == (
        Phase.HELD,
        [1000.0, 1000.0],
    )
    assert await bench.messages(job) == ["error: no file x; no file y"]


async def test_a_transient_error_is_tried_three_times_more(
    bench: Bench, clock: SteadyClock
) -> None:
    job = await bench.submit("wait")
    waits = []
    for attempt in (1, 2, 3):
        await bench.attempts.claim(job, attempt)
        await bench.attempts.finish(job, attempt, TRANSIENT)
        waits.append((await bench.job(job)).not_before - clock.time)
    await bench.attempts.claim(job, 4)
    await bench.attempts.finish(job, 4, TRANSIENT)
    over = await bench.job(job)
    assert waits == pytest.approx([0.01, 0.02, 0.04])
    assert (over.phase, over.error) == (Phase.ERROR, TRANSIENT.error)
    assert (await bench.messages(job))[-1] == "failed: Busy"


async def test_the_third_loss_is_the_last(bench: Bench) -> None:
    job = await bench.submit("wait")
    for attempt in (1, 2, 3):
        await bench.attempts.claim(job, attempt)
        await bench.attempts.lose(job, attempt, "it died")
    over = await bench.job(job)
    assert over.phase is Phase.ERROR
    assert over.error is not None
    assert (over.error.type, over.error.code) == ("transient", "attempt_lost")
    assert (await bench.messages(job))[-1] == "failed: Attempt 3 was lost: it died"


async def test_an_attempt_that_was_never_claimed_can_be_lost(bench: Bench) -> None:
    job = await bench.submit("wait")
    await bench.attempts.lose(job, 1, "it died")
    assert (await bench.job(job)).losses == 1
    with pytest.raises(AttemptLost):
        await bench.attempts.claim(job, 1)
    await bench.attempts.claim(job, 2)


async def test_what_is_left_is_cleared_but_the_log_and_the_results(
    bench: Bench,
) -> None:
    job = await executing(bench)
    folder = bench.data_folder / "jobs" / job / "1"
    (folder / "deep").mkdir()
    for name in ("log.txt", "half.part", "deep/half", "deep/kept"):
        (folder / name).write_text(name)
    (folder / "link").symlink_to(bench.data_folder)
    result = JobResult(
        id="r", path=f"jobs/{job}/1/deep/kept", size=4, mime_type="text/plain"
    )
    await bench.attempts.deliver(job, 1, result)
    await bench.abort(job)
    await bench.attempts.clear(job, 1)
    left = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    assert [str(path) for path in left] == ["deep", "deep/kept", "log.txt"]


async def test_a_restart_queues_again_what_was_under_way(bench: Bench) -> None:
    jobs = [await executing(bench) for _ in range(3)]
    part = bench.data_folder / "jobs" / jobs[0] / "1" / "half.part"
    part.write_text("half")
    waiting = await bench.submit("wait")
    assert await bench.attempts.recover() == 3
    for job in jobs:
        recovered = await bench.job(job)
        assert (recovered.phase, recovered.attempt) == (Phase.QUEUED, 1)
        assert (recovered.losses, recovered.not_before) == (0, 0.0)
        assert await bench.messages(job) == [
            "info: The server was restarted; attempt 2 follows"
        ]
    assert (await bench.job(waiting)).attempt == 0
    assert not part.exists()
    assert await bench.attempts.recover() == 0


async def test_a_job_does_not_take_the_server_down_for_ever(bench: Bench) -> None:
    job = await bench.submit("wait")
    for attempt in range(1, 6):
        await bench.attempts.claim(job, attempt)
        assert await bench.attempts.recover() == 1
    over = await bench.job(job)
    assert (over.phase, over.losses, over.cut_off) == (Phase.ERROR, 0, 5)
    assert over.error is not None
    assert over.error.code == "server_lost"
    assert (await bench.messages(job))[-1].startswith("failed: the server died")


async def test_an_orderly_stop_counts_for_nothing(bench: Bench) -> None:
    job = await bench.submit("wait")
    for attempt in range(1, 9):
        await bench.attempts.claim(job, attempt)
        assert await bench.attempts.release() == 1
    assert (await bench.job(job)).phase is Phase.QUEUED


async def test_a_limit_ends_the_job_and_is_named(bench: Bench) -> None:
    job = await executing(bench)
    excess = Excess(limit="processes", allowed=4, used=9)
    await bench.attempts.exceed(job, 1, excess)
    over = await bench.job(job)
    assert (over.phase, over.ended) == (Phase.ERROR, 1000.0)
    [message] = await bench.messages(job)
    assert message.startswith("failed: killed by its limit: it had 9 processes")
    assert message.endswith("; allowed is [kinds.wait] processes = 4")


async def test_retries_are_those_of_the_kind(
    tmp_path: Path, clock: SteadyClock
) -> None:
    doorbell = LocalDoorbell()
    limits = KindLimits({"wait": Limits(retries=1, wall_clock=7)})
    bench = Bench(
        MemoryStore(doorbell=doorbell), doorbell, tmp_path, clock=clock, limits=limits
    )
    job = await bench.submit("wait")
    for attempt in (1, 2):
        await bench.attempts.claim(job, attempt)
        await bench.attempts.finish(job, attempt, TRANSIENT)
    assert (await bench.job(job)).phase is Phase.ERROR
    slow = await executing(bench)
    await bench.attempts.overrun(slow, 1)
    assert await bench.messages(slow) == [
        "failed: Aborted: attempt 1 took longer than 7 s"
    ]
