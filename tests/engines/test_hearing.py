"""What an attempt says in passing is in its log: with its end, or by itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.engines.embedded.messages import Beat, Finish, Tell
from quire.engines.embedded.running import Running
from quire.jobs.job import Completed, Failed, JobError, Outcome
from quire.jobs.phases import Phase
from quire.ports.engine import Launch
from quire.ports.store import Decision
from quire.progress.event import info
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.engine_bench import Bench


class CountingStore(SqliteStore):
    decisions = 0
    reached: asyncio.Event | None = None
    gate: asyncio.Event | None = None

    async def decide(  # type: ignore[override]
        self, decision: Decision[object], *, brief: bool = False
    ) -> object:
        self.decisions += 1
        if self.reached is not None and self.gate is not None:
            self.reached.set()
            await self.gate.wait()
        return await super().decide(decision, brief=brief)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    doorbell = LocalDoorbell()
    store = await CountingStore.open(tmp_path, doorbell=doorbell)
    yield Bench(store, doorbell, tmp_path)
    await store.aclose()


async def begun(bench: Bench) -> Running:
    job = await bench.submit("wait")
    launch = Launch(job=job, attempt=1, kind="wait", deadline=0.0)
    running = Running(bench.attempts, launch, end=lambda: None)
    claimed = asyncio.Event()
    running.when_claimed(lambda _: claimed.set())
    await claimed.wait()
    return running


async def said(bench: Bench, job: str) -> list[str]:
    entries = await bench.store.view(lambda tx: tx.progress.entries(job, 0, 100))
    return [entry.event.message for entry in entries]


async def test_the_last_word_and_the_end_are_one_decision(bench: Bench) -> None:
    running = await begun(bench)
    assert isinstance(bench.store, CountingStore)
    before = bench.store.decisions
    await running.hear(info("all but done", 99))
    answer = await running.answer(Finish(outcome=Completed(message="done")))
    assert not answer.lost
    assert bench.store.decisions == before + 1
    assert (await said(bench, running.launch.job))[-2:] == ["all but done", "done"]
    assert running.completed


@pytest.mark.parametrize(
    "outcome",
    [Failed(error=JobError(type="fatal", code="c", message="broken")), Completed()],
)
async def test_what_was_said_stands_before_the_end(
    bench: Bench, outcome: Outcome
) -> None:
    running = await begun(bench)
    await running.hear(info("before"))
    await running.answer(Finish(outcome=outcome))
    assert (await said(bench, running.launch.job))[-2] == "before"


async def test_a_worker_that_dies_while_it_is_heard_costs_no_slot(bench: Bench) -> None:
    running = await begun(bench)
    store = bench.store
    assert isinstance(store, CountingStore)
    store.reached, store.gate = asyncio.Event(), asyncio.Event()
    await running.hear(info("last words"))
    await store.reached.wait()
    asking = asyncio.create_task(running.answer(Beat()))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    store.gate.set()
    await running.settle("its worker died")
    assert "last words" in await said(bench, running.launch.job)


async def test_what_nothing_follows_is_written_by_itself(bench: Bench) -> None:
    running = await begun(bench)
    ticket = bench.doorbell.ticket(running.launch.job)
    await running.hear(info("and then silence"))
    assert await bench.doorbell.wait(running.launch.job, ticket, 20.0)
    assert (await said(bench, running.launch.job))[-1] == "and then silence"


async def test_words_keep_their_order(bench: Bench) -> None:
    running = await begun(bench)
    for number in range(3):
        await running.hear(info(f"in passing {number}"))
        await running.answer(Tell(event=info(f"answered {number}")))
    told = [one for one in await said(bench, running.launch.job) if one[-1].isdigit()]
    assert told == [
        f"{how} {number}" for number in range(3) for how in ("in passing", "answered")
    ]


async def test_a_loss_shows_in_the_next_answer(bench: Bench) -> None:
    running = await begun(bench)
    await bench.abort(running.launch.job)
    await running.hear(info("too late"))
    answer = await running.answer(Finish(outcome=Completed()))
    assert answer.lost
    assert "too late" not in await said(bench, running.launch.job)


async def test_what_a_dead_worker_said_last_is_kept(bench: Bench) -> None:
    running = await begun(bench)
    await running.hear(info("my last word"))
    await running.settle("its process was killed")
    told = await said(bench, running.launch.job)
    assert "my last word" in told
    found = await bench.store.view(lambda tx: tx.jobs.get(running.launch.job))
    assert found is not None
    assert found.phase is Phase.QUEUED
