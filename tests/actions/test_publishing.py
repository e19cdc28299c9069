"""What an attempt publishes: before it ends, after a restart, and against an abort."""

import asyncio
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.actions.test_attempts import VERBS, bench, clock, executing, put, staged

from quire.errors import AttemptLost
from quire.jobs.job import (
    Completed,
    StagedProduct,
)
from quire.jobs.limits import Excess
from quire.jobs.phases import Phase
from quire.testing.engine_bench import Bench, RenamingPublisher
from quire.testing.waiting import PATIENCE

__all__ = ["bench", "clock"]


async def test_a_product_is_published_before_the_attempt_ends(bench: Bench) -> None:
    job = await executing(bench)
    product = await staged(bench, job)
    await bench.attempts.finish(job, 1, Completed(product=product))
    done = await bench.job(job)
    assert (done.phase, done.staged) == (Phase.COMPLETED, None)
    record = await bench.store.view(lambda tx: tx.products.get(job))
    assert record is not None
    assert (record.file, record.manifest) == ("products/a.fits", "products/a.json")
    assert (record.runs, record.made, record.owner) == (("r",), 1000.0, "tester")
    assert await bench.messages(job) == ["complete: Published a.fits"]


class HeldPublisher(RenamingPublisher):
    """Publishes only once it may."""

    def __init__(self, data_folder: Path) -> None:
        super().__init__(data_folder)
        self.begun = threading.Event()
        self.may = threading.Event()

    def publish(self, staged: StagedProduct) -> None:
        self.begun.set()
        assert self.may.wait(PATIENCE)
        super().publish(staged)


async def test_an_abort_comes_too_late_while_a_product_is_published(
    bench: Bench,
) -> None:
    publisher = HeldPublisher(bench.data_folder)
    bench.use(publisher)
    job = await executing(bench)
    product = await staged(bench, job)
    finishing = asyncio.create_task(
        bench.attempts.finish(job, 1, Completed(product=product))
    )
    await asyncio.to_thread(publisher.begun.wait, 10)
    await bench.abort(job)
    for verb in ("lose", "overrun", "fail"):
        with pytest.raises(AttemptLost):
            await VERBS[verb](bench, job, 1)
    await bench.attempts.clear(job, 1)
    assert (await bench.job(job)).phase is Phase.EXECUTING
    # Whoever waited may go: the work goes on.
    finishing.cancel()
    publisher.may.set()
    await bench.until_phase(job, Phase.COMPLETED)
    assert (bench.data_folder / "products/a.fits").read_text() == "a.part"


async def test_what_was_staged_is_published_after_a_restart(bench: Bench) -> None:
    job = await executing(bench)
    product = await staged(bench, job)
    await put(bench, replace(await bench.job(job), staged=product))
    assert await bench.attempts.recover() == 0
    assert await bench.attempts.resume_publishing() == 1
    await bench.until_phase(job, Phase.COMPLETED)
    assert await bench.attempts.resume_publishing() == 0


async def test_publishing_goes_on_when_the_disk_has_room_again(bench: Bench) -> None:
    job = await executing(bench)
    product = await staged(bench, job)
    bench.publisher.refusals = 1
    await bench.attempts.finish(job, 1, Completed(product=product))
    assert (await bench.job(job)).phase is Phase.COMPLETED
    assert (await bench.messages(job))[0].startswith(
        "error: The product cannot be published yet: [Errno 28]"
    )


async def test_a_limit_comes_too_late_for_what_is_being_published(
    bench: Bench,
) -> None:
    job = await executing(bench)
    product = await staged(bench, job)
    stored = await bench.job(job)
    await put(bench, replace(stored, staged=product))
    with pytest.raises(AttemptLost):
        await bench.attempts.exceed(job, 1, Excess(limit="memory", allowed=1, used=2))
