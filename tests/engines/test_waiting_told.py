"""What the log of a job tells while an engine has it, and of how it ended."""

import asyncio
from pathlib import Path

from tests.engines.test_waiting import (
    ME,
    Site,
    bench,
    site,
    until_launched,
    until_looked,
)

from quire.actions.runners import Parting
from quire.jobs.job import Completed, JobResult
from quire.jobs.phases import Phase
from quire.ports.launcher import (
    LauncherAway,
    There,
)
from quire.testing.engine_bench import Bench
from quire.testing.waiting import PATIENCE

__all__ = ["bench", "site"]


def remarks(messages: list[str]) -> list[str]:
    return [one for one in messages if one.startswith("Attempt 1: ")]


async def log_of(bench: Bench, job: str) -> list[str]:
    return [entry.event.message for entry in await bench.log(job)]


async def until_told(bench: Bench, job: str, words: str) -> list[str]:
    """Return what the job's log says, once these words are in it."""
    async with asyncio.timeout(PATIENCE):
        while not any(words in one for one in await log_of(bench, job)):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return await log_of(bench, job)


async def test_why_it_waits_is_told_and_each_reason_once(
    bench: Bench, site: Site
) -> None:
    site.queue.why = "held by an administrator"
    job = await bench.submit("sleep")
    await until_told(bench, job, "held by an administrator")
    site.queue.why = "no node for it"
    await until_told(bench, job, "no node for it")
    site.queue.why = "held by an administrator"
    await until_looked(site, 4)
    assert remarks(await log_of(bench, job)) == [
        "Attempt 1: held by an administrator",
        "Attempt 1: no node for it",
    ]


async def test_reasons_without_end_do_not_fill_a_log(bench: Bench, site: Site) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    for number in range(14):
        site.queue.why = f"{number} jobs are before it"
        await until_looked(site, 3)
    assert 0 < len(remarks(await log_of(bench, job))) <= 10


async def test_a_scheduler_that_is_away_is_told_to_who_is_to_be_launched(
    bench: Bench, site: Site
) -> None:
    site.queue.problem = LauncherAway("connection refused")
    job = await bench.submit("sleep")
    await until_told(bench, job, "connection refused")
    site.queue.problem = None
    await until_launched(site)


async def test_a_scheduler_that_is_away_is_told_to_who_waits(
    bench: Bench, site: Site
) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    site.queue.problem = LauncherAway("connection refused")
    await until_looked(site, 6)
    told = remarks(await until_told(bench, job, "connection refused"))
    assert len(told) == 1


async def test_how_it_ended_before_it_began_is_told(bench: Bench, site: Site) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    site.queue.says, site.queue.why = There.GONE, "no such interpreter"
    await bench.until(job, lambda found: found.losses == 1)
    [lost, *_] = await log_of(bench, job)
    assert "before it began: no such interpreter" in lost


async def test_how_what_had_begun_ended_is_told_before_its_lease_ends(
    bench: Bench, site: Site
) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    await site.runners.claim(job, 1, ME)
    site.queue.says, site.queue.why = There.GONE, "out of memory"
    await bench.until(job, lambda found: found.losses == 1)
    first, second, *_ = await log_of(bench, job)
    assert first == "Attempt 1: out of memory"
    assert "it gave no sign of life" in second


async def test_how_it_ended_is_told_behind_its_runners_last_word(
    bench: Bench, site: Site
) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    await site.runners.claim(job, 1, ME)
    await site.runners.leave(job, 1, Parting(runner=ME, reason="it was cut"))
    site.queue.says, site.queue.why = There.GONE, "time limit"
    told = await until_told(bench, job, "time limit")
    assert "it was cut" in told[0]
    assert remarks(told) == ["Attempt 1: time limit"]


async def test_nothing_is_told_of_what_the_server_ended_itself(
    bench: Bench, site: Site
) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    await site.runners.claim(job, 1, ME)
    site.queue.why = "cancelled"
    await bench.until(job, lambda found: found.losses == 1)
    assert site.queue.killed == [(job, 1)]
    site.queue.says = There.GONE
    await until_looked(site, 3)
    assert remarks(await log_of(bench, job)) == ["Attempt 1: cancelled"]


async def test_a_verdict_behind_the_last_word_finds_its_files(
    bench: Bench, site: Site
) -> None:
    """As where lines break: the one waits at a server, the other comes by another."""
    job = await bench.submit("sleep")
    await until_launched(site)
    given = await site.runners.claim(job, 1, ME)
    file = Path(given.folder) / "label.txt"
    file.parent.mkdir(parents=True)
    file.write_text("of the attempt")
    await site.runners.leave(job, 1, Parting(runner=ME))
    path = str(file.relative_to(bench.data_folder))
    result = JobResult(id="label", path=path, mime_type="text/plain", size=14)
    await site.runners.finish(job, 1, Completed(results=(result,)))
    done = await bench.until_phase(job, Phase.COMPLETED)
    assert done.results == (result,)
    assert file.read_text() == "of the attempt"
