import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.actions.runners import Parting, Runners
from quire.errors import AttemptLost, InputError
from quire.jobs.job import Completed, JobResult, StagedProduct
from quire.jobs.limits import Excess
from quire.jobs.phases import Phase
from quire.ports.store import Store
from quire.progress.event import info
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.engine_bench import Bench

ME, OTHER = "node1:1", "node2:1"


@pytest.fixture
def bench(store: Store, doorbell: LocalDoorbell, tmp_path: Path) -> Bench:
    return Bench(store, doorbell, tmp_path)


@pytest.fixture
async def runners(bench: Bench) -> AsyncIterator[Runners]:
    yield Runners(bench.attempts, bench.store, bench.doorbell, asyncio.Event())
    await bench.attempts.aclose()


async def test_the_same_runner_may_claim_again(bench: Bench, runners: Runners) -> None:
    job = await bench.submit("wait", N=1)
    given = await runners.claim(job, 1, ME)
    assert given == await runners.claim(job, 1, ME)
    assert (await bench.job(job)).host == ME
    with pytest.raises(AttemptLost):
        await runners.claim(job, 1, OTHER)


async def test_a_second_runner_cannot_end_it(bench: Bench, runners: Runners) -> None:
    job = await bench.submit("wait")
    await runners.claim(job, 1, ME)
    await runners.leave(job, 1, Parting(runner=OTHER, reason="it died"))
    assert (await bench.job(job)).phase is Phase.EXECUTING
    await runners.leave(job, 1, Parting(runner=ME, reason="it died"))
    lost = await bench.job(job)
    assert (lost.phase, lost.losses) == (Phase.QUEUED, 1)


async def test_who_dies_before_the_claim_is_lost(
    bench: Bench, runners: Runners
) -> None:
    job = await bench.submit("wait")
    await runners.leave(job, 1, Parting(runner=ME, reason="it died"))
    assert (await bench.job(job)).attempt == 1
    with pytest.raises(AttemptLost):
        await runners.claim(job, 1, ME)


async def test_a_limit_and_a_deadline_end_the_job(
    bench: Bench, runners: Runners
) -> None:
    excess = Excess(limit="processes", allowed=2, used=3)
    for parting, phase in (
        (Parting(runner=ME, excess=excess), Phase.ERROR),
        (Parting(runner=ME, overrun=True), Phase.ABORTED),
    ):
        job = await bench.submit("wait")
        await runners.claim(job, 1, ME)
        await runners.leave(job, 1, parting)
        assert (await bench.job(job)).phase is phase


async def test_a_last_word_behind_a_verdict_changes_nothing(
    bench: Bench, runners: Runners
) -> None:
    job = await bench.submit("wait")
    await runners.claim(job, 1, ME)
    await runners.finish(job, 1, Completed())
    await runners.leave(job, 1, Parting(runner=ME, reason="its process ended"))
    assert (await bench.job(job)).phase is Phase.COMPLETED


async def test_orders_come_at_once(bench: Bench, runners: Runners) -> None:
    job = await bench.submit("wait")
    assert await runners.orders(job, 1, 0)
    await runners.claim(job, 1, ME)
    held = asyncio.create_task(runners.orders(job, 1, 60))
    await bench.abort(job)
    assert not await held
    assert not await runners.orders(job, 1, 60)
    assert not await runners.orders("unknown", 1, 60)


async def test_orders_come_without_the_row(bench: Bench, runners: Runners) -> None:
    job = await bench.submit("wait")
    await runners.claim(job, 1, ME)
    held = asyncio.create_task(runners.orders(job, 1, 60))
    await asyncio.sleep(0)
    runners.dismiss((job, 1))
    assert not await held
    with pytest.raises(AttemptLost):
        await runners.claim(job, 1, ME)


async def test_nobody_is_held_at_the_end(bench: Bench) -> None:
    stopping = asyncio.Event()
    runners = Runners(bench.attempts, bench.store, bench.doorbell, stopping)
    job = await bench.submit("wait")
    await runners.claim(job, 1, ME)
    held = asyncio.create_task(runners.orders(job, 1, 60))
    stopping.set()
    assert await held


async def test_what_was_told_is_known(bench: Bench, runners: Runners) -> None:
    job = await bench.submit("wait")
    await runners.claim(job, 1, ME)
    assert not await runners.told(job, info("x", 5))
    await bench.attempts.tell(job, 1, info("x", 5))
    assert await runners.told(job, info("x", 5))
    assert not await runners.told(job, info("y", 5))


@pytest.mark.parametrize(
    "path", ["token", "/etc/passwd", "jobs/other/1/a", "jobs/{}/../../token", ""]
)
async def test_it_hands_out_nothing_else(
    path: str, bench: Bench, runners: Runners
) -> None:
    job = await bench.submit("wait")
    await runners.claim(job, 1, ME)
    path = path.format(job)
    result = JobResult(id="r", path=path, size=1, mime_type="text/plain")
    with pytest.raises(InputError):
        await runners.deliver(job, 1, result)
    with pytest.raises(InputError):
        await runners.finish(job, 1, Completed(results=(result,)))
    inside = f"jobs/{job}/1/a"
    for part, manifest, beside in (
        (path, inside, inside),
        (inside, path, inside),
        (inside, inside, path),
    ):
        product = StagedProduct(
            file_name="a",
            manifest_name="b",
            part=part,
            manifest=manifest,
            size=1,
            sha256="",
            mime_type="text/plain",
            beside={"c": beside},
        )
        with pytest.raises(InputError):
            await runners.finish(job, 1, Completed(product=product))
    assert (await bench.job(job)).phase is Phase.EXECUTING
