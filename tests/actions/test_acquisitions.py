"""Acquisitions over both stores, without processes."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from quire.access.principals import Principal
from quire.actions.acquisition_aborting import AbortFailed, Aborting
from quire.actions.acquisition_topics import AcquisitionTopics
from quire.actions.acquisitions import Acquisitions
from quire.actions.admission import Admission
from quire.actions.attempts import Attempts
from quire.actions.submit import Jobs
from quire.clock import RandomIds
from quire.errors import AttemptLost, Conflict, ManyInputErrors, NotFound
from quire.jobs import transitions
from quire.jobs.job import (
    Alert,
    Blocked,
    Failed,
    Job,
    JobError,
    Outcome,
    Severity,
    Standing,
    Suspended,
)
from quire.jobs.phases import Phase
from quire.kinds.merge import MergeKind
from quire.ports.acquisition_records import AcquisitionQuery
from quire.ports.store import Store
from quire.products.acquisition_states import Substate
from quire.products.storage_forecast import Space, needed, shortage
from quire.progress.event import info
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.engine_bench import RenamingPublisher
from quire.testing.still_clock import StillClock
from quire.transfer.local import LocalTransfer

MISSING = Blocked(
    alerts=(Alert(id="source:a", severity=Severity.ERROR, description="missing"),)
)
FULL = Suspended(
    alerts=(Alert(id="low_space", severity=Severity.WARNING, description="full"),)
)
BROKEN = Failed(error=JobError(type="fatal", code="c", message="It broke"))


class SmallDisk(Admission):
    """A disk of our own making."""

    available = 10**9

    def space(self) -> Space:
        return Space(capacity=10**12, free=self.available, available=self.available)


class Bench:
    """What acquisitions work with."""

    def __init__(
        self, store: Store, doorbell: LocalDoorbell, clock: StillClock, folder: Path
    ) -> None:
        self.store = store
        self.disk = SmallDisk(folder, (LocalTransfer(),), keep=0)
        self.folder = folder
        jobs = Jobs(store, {"merge": MergeKind()}, clock, RandomIds())
        self.aborting = Aborting(store, clock, end=self.end, data_folder=folder)
        self.daqs = Acquisitions(
            store, jobs, clock, aborting=self.aborting, retention=100.0
        )
        self.topics = AcquisitionTopics(store, doorbell, clock, self.disk)
        self.attempts = Attempts(
            store,
            clock,
            RenamingPublisher(folder),
            data_folder=folder,
            admission=self.disk,
        )
        self.ended: list[str] = []
        self._source = folder / "source.fits"

    async def end(self, job: str) -> None:
        """Stand for the dispatcher: nothing runs here."""
        self.ended.append(job)

    async def queue(self, name: str, owner: Principal, *, size: int = 0) -> str:
        """Queue an acquisition of a source of so many bytes; return its job."""
        with self._source.open("wb") as stream:
            stream.truncate(size)
        path = {"location": str(self._source), "sourceName": "a", "type": "fitsFile"}
        wanted = {"id": name, "sources": [path], "target": {"fileId": name}}
        return (await self.daqs.queue(json.dumps(wanted), owner)).job

    async def job(self, name: str) -> Job:
        job = await self.store.view(lambda tx: tx.jobs.get(name))
        assert job is not None
        return job


@pytest.fixture
def bench(
    store: Store, doorbell: LocalDoorbell, clock: StillClock, tmp_path: Path
) -> Bench:
    return Bench(store, doorbell, clock, tmp_path)


async def test_space_is_promised_once(bench: Bench, staff: Principal) -> None:
    first = await bench.queue("A", staff, size=600_000_000)
    second = await bench.queue("B", staff, size=600_000_000)
    await bench.attempts.claim(first, 1)
    assert (await bench.job(first)).reserved == needed([600_000_000])
    with pytest.raises(AttemptLost):
        await bench.attempts.claim(second, 1)
    assert (await bench.job(second)).phase is Phase.SUSPENDED
    status = await bench.daqs.status("B", staff)
    assert (status.substate, status.error) == (Substate.SCHEDULED, False)
    assert [alert.id for alert in status.alerts] == ["low_space"]
    assert await bench.topics.resume() == 0
    await bench.daqs.abort("A", staff)
    assert await bench.topics.resume() == 1
    await bench.attempts.claim(second, 1)
    status = await bench.daqs.status("B", staff)
    assert (status.substate, status.alerts) == (Substate.COLLECTING, ())


async def test_a_disk_that_fills_up_is_waited_for(
    bench: Bench, staff: Principal, clock: StillClock
) -> None:
    job = await bench.queue("A", staff)
    await bench.attempts.claim(job, 1)
    await bench.attempts.tell(job, 1, info("Copying"), Standing(step="Merging"))
    await bench.attempts.finish(job, 1, FULL)
    status = await bench.daqs.status("A", staff)
    assert (status.substate, status.error) == (Substate.MERGING, False)
    assert await bench.topics.resume() == 0
    clock.advance(11)
    assert await bench.topics.resume() == 1
    assert (await bench.job(job)).phase is Phase.QUEUED
    assert (await bench.daqs.status("A", staff)).substate is Substate.MERGING
    await bench.attempts.claim(job, 2)
    await bench.attempts.finish(job, 2, FULL)
    assert (await bench.daqs.retry("A", staff)).alerts == ()


async def test_whatever_goes_wrong_blocks_and_never_fails(
    bench: Bench, staff: Principal
) -> None:
    job = await bench.queue("A", staff)
    endings: tuple[Outcome, ...] = (BROKEN, MISSING)
    for attempt, ending in enumerate(endings, start=1):
        await bench.attempts.claim(job, attempt)
        await bench.attempts.finish(job, attempt, ending)
        status = await bench.daqs.status("A", staff)
        assert (status.substate, status.error) == (Substate.COLLECTING, True)
        await bench.daqs.retry("A", staff)
    for attempt in range(3, 6):
        clear = replace(await bench.job(job), not_before=0.0)
        await bench.store.decide(lambda tx, clear=clear: tx.jobs.put(clear))  # type: ignore[misc]
        await bench.attempts.claim(job, attempt)
        await bench.attempts.lose(job, attempt, "killed")
    status = await bench.daqs.status("A", staff)
    assert [alert.id for alert in status.alerts] == ["failed_operation/attempt_lost"]
    entries = await bench.store.view(lambda tx: tx.progress.entries(job, 0, 99))
    assert not any(entry.event.type.final for entry in entries)


async def test_commands_are_valid_only_where_eso_says(
    bench: Bench, staff: Principal
) -> None:
    job = await bench.queue("A", staff)
    with pytest.raises(Conflict, match="Scheduled"):
        await bench.daqs.retry("A", staff)
    await bench.attempts.claim(job, 1)
    with pytest.raises(Conflict, match="no error stops it"):
        await bench.daqs.retry("A", staff)
    await bench.daqs.abort("A", staff)
    for command in (bench.daqs.abort, bench.daqs.retry, bench.daqs.status):
        with pytest.raises(NotFound, match="archived"):
            await command("A", staff)
    with pytest.raises(Conflict, match="A"):
        await bench.queue("A", staff)
    with pytest.raises(ManyInputErrors) as caught:
        await bench.daqs.queue({"id": "B"}, staff)
    assert {one.field for one in caught.value.errors} == {"/sources", "/target"}


async def test_what_somebody_else_queued_is_not_there(
    bench: Bench, staff: Principal, visitor: Principal
) -> None:
    await bench.queue("A", staff)
    commands: tuple[Callable[..., object], ...] = (
        bench.daqs.abort,
        bench.daqs.status,
        bench.daqs.archived,
        bench.daqs.details,
    )
    for command in commands:
        with pytest.raises(NotFound, match="never queued"):
            await command("A", visitor)  # type: ignore[misc]
    assert await bench.daqs.active(visitor) == ()
    assert await bench.daqs.history(AcquisitionQuery(limit=9), visitor) == ()
    await bench.queue("B", visitor)
    found = await bench.daqs.history(AcquisitionQuery(limit=9, owner="staff"), visitor)
    assert [one.id for one in found] == ["B"]
    news = bench.topics.statuses(visitor, None, silence=0.0)
    assert [one.acquisition.id for one in await anext(news)] == ["B"]


async def test_a_listener_gets_each_change_once(bench: Bench, staff: Principal) -> None:
    for name in ("A", "B"):
        await bench.queue(name, staff)
    news = bench.topics.statuses(staff, None, silence=0.0)
    present = await anext(news)
    assert [one.acquisition.id for one in present] == ["A", "B"]
    # Only the last one has a number: who leaves before it is told all of it again.
    assert [one.number is None for one in present] == [True, False]
    assert await anext(news) == ()
    await bench.daqs.abort("A", staff)
    changes = await anext(news)
    substates = [one.acquisition.substate for one in changes]
    assert substates == [Substate.ABORTING, Substate.ABORTED]
    again = bench.topics.statuses(staff, changes[0].number, silence=0.0)
    assert await anext(again) == ()
    assert await anext(again) == changes[1:]
    ahead = bench.topics.statuses(staff, 10**9, silence=0.0)
    assert [one.acquisition.id for one in await anext(ahead)] == ["B"]


async def test_the_archive_forgets_but_the_id_stays_taken(
    bench: Bench, staff: Principal
) -> None:
    for name in ("A", "B"):
        await bench.queue(name, staff)
    await bench.daqs.abort("A", staff)
    # The store dates changes by the real time.
    sooner, later = (
        Acquisitions(
            bench.store,
            Jobs(bench.store, {"merge": MergeKind()}, clock, RandomIds()),
            clock,
            aborting=bench.aborting,
            retention=100.0,
        )
        for clock in (StillClock(time.time()), StillClock(time.time() + 1000.0))
    )
    assert await sooner.expire() == ()
    assert await later.expire() == ("A",)
    assert await later.expire() == ()
    with pytest.raises(NotFound):
        await bench.daqs.archived("A", staff)
    assert (await bench.daqs.status("B", staff)).substate is Substate.SCHEDULED
    with pytest.raises(Conflict):
        await bench.queue("A", staff)


@pytest.mark.parametrize(
    ("wanted", "reserved", "keep", "missing"),
    [(10, 0, 0, 0), (100, 0, 0, 0), (101, 0, 0, 1), (50, 60, 0, 10), (50, 0, 60, 10)],
)
def test_a_shortage_is_what_is_missing(
    wanted: int, reserved: int, keep: int, missing: int
) -> None:
    space = Space(capacity=1000, free=200, available=100)
    assert shortage(space, wanted, reserved=reserved, keep=keep) == missing


async def test_an_abort_that_fails_stays_in_aborting_until_it_is_tried_again(
    bench: Bench, staff: Principal
) -> None:
    name = await bench.queue("A", staff)
    await bench.attempts.claim(name, 1)
    folder = bench.folder / "jobs" / name
    elsewhere = bench.folder / "elsewhere"
    elsewhere.mkdir()
    folder.mkdir(parents=True)
    (folder / "done").symlink_to(elsewhere)  # nothing follows it, nothing removes it

    with pytest.raises(AbortFailed) as caught:
        await bench.daqs.abort("A", staff)

    assert name in str(caught.value)
    found = await bench.daqs.status("A", staff)
    assert (found.substate, found.error) == (Substate.ABORTING, True)
    assert [alert.id for alert in found.alerts] == ["failed_operation/abort"]
    with pytest.raises(AttemptLost):
        await bench.attempts.tell(name, 1, info("late"))
    with pytest.raises(Conflict):
        await bench.daqs.retry("A", staff)
    assert await bench.attempts.recover() == 0
    assert await bench.aborting.resume() == 1  # as at the next start: fails again
    assert (await bench.daqs.status("A", staff)).substate is Substate.ABORTING

    (folder / "done").unlink()
    assert (await bench.daqs.abort("A", staff)).substate is Substate.ABORTED
    assert (await bench.job(name)).phase is Phase.ABORTED
    assert not folder.exists()
    assert elsewhere.exists()
    assert bench.ended == [name] * 3


async def test_an_abort_that_was_cut_off_is_gone_on_with(
    bench: Bench, staff: Principal
) -> None:
    name = await bench.queue("A", staff)
    await bench.attempts.claim(name, 1)
    left = bench.folder / "jobs" / name / "done" / "source-0.fits"
    left.parent.mkdir(parents=True)
    left.touch()
    begun = transitions.begin_abort(await bench.job(name))
    await bench.store.decide(lambda tx: tx.jobs.put(begun))

    assert await bench.aborting.resume() == 1

    assert (await bench.job(name)).phase is Phase.ABORTED
    assert not left.exists()
    assert await bench.aborting.resume() == 0
