"""The guarantees of `quire.ports.job_records`."""

import msgspec

from quire.jobs.job import Alert, Job, JobError, JobResult, Severity, StagedProduct
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.ports.store import Store, Transaction
from quire.testing.contracts.fixtures import ODD_UIDS, ContractFixtures, uuid


def _job(
    number: int, *, phase: Phase = Phase.QUEUED, runs: tuple[str, ...] = ()
) -> Job:
    return Job(
        id=uuid(number),
        kind="wait" if number % 2 else "merge",
        owner="ab"[number // 4 % 2],
        phase=phase,
        created=float(number // 2),
        not_before=float(10 * number),
        runs=runs,
    )


async def _put(store: Store, *jobs: Job) -> None:
    def put(transaction: Transaction) -> None:
        for job in jobs:
            transaction.jobs.put(job)

    await store.decide(put)


async def _ids(store: Store, query: JobQuery) -> list[str]:
    return [job.id for job in await _page(store, query)]


async def _page(store: Store, query: JobQuery) -> tuple[Job, ...]:
    return await store.view(lambda t: t.jobs.page(query))


async def _reserve(store: Store, space: str, name: str, job: str) -> str:
    return await store.decide(lambda t: t.jobs.reserve(space, name, job))


class JobsContract(ContractFixtures):
    """Jobs come back whole, in the order asked for."""

    async def test_a_job_comes_back_whole(self, store: Store) -> None:
        """With every field; put replaces, runs included."""
        staged = StagedProduct(
            file_name="f",
            manifest_name="m",
            part="p",
            manifest="q",
            size=2**40,
            sha256="ab",
            mime_type="image/fits",
        )
        job = Job(
            id=uuid(1),
            kind="merge",
            owner="me",
            phase=Phase.HELD,
            parameters={"N": 2**90, "X": [1.5, None, {"é": True}]},
            runs=ODD_UIDS,
            started=1.25,
            staged=staged,
            results=(JobResult(id="r", path="p", size=1, mime_type="t"),),
            error=JobError(type="fatal", code="c", message="m"),
            alerts=(Alert(id="a", severity=Severity.WARNING, description="d"),),
        )
        await _put(store, Job(id=uuid(1), kind="wait", owner="me", runs=("x",)), job)
        assert await store.view(lambda t: t.jobs.get(uuid(1))) == job
        assert await store.view(lambda t: t.jobs.get(uuid(2))) is None
        for uid in ODD_UIDS:
            assert await _ids(store, JobQuery(limit=9, run=uid)) == [uuid(1)]
        assert await _ids(store, JobQuery(limit=9, run="x")) == []

    async def test_paged_in_both_orders(self, store: Store) -> None:
        """By (created, id) as text, none left out."""
        jobs = [
            msgspec.structs.replace(_job(1), id=uid, created=created)
            for created in (1.0, 2.0)
            for uid in (f"{created}{uid}" for uid in ODD_UIDS)
        ]
        jobs += [_job(number) for number in range(6)]
        jobs += [msgspec.structs.replace(_job(1), id=uid) for uid in ODD_UIDS[1:]]
        await _put(store, *jobs)
        in_order = sorted((job.created, job.id) for job in jobs)
        for oldest_first in (False, True):
            seen: list[tuple[float, str]] = []
            query = JobQuery(limit=4, oldest_first=oldest_first)
            while page := await _page(store, query):
                seen += [(job.created, job.id) for job in page]
                query = msgspec.structs.replace(query, before=seen[-1])
            assert seen == (in_order if oldest_first else in_order[::-1])

    async def test_every_condition(self, store: Store) -> None:
        """Alone and together."""
        jobs = [_job(number, runs=("r",) if number > 3 else ()) for number in range(8)]
        jobs[2] = _job(2, phase=Phase.EXECUTING)
        jobs[3] = _job(3, phase=Phase.COMPLETED)
        await _put(store, *jobs)
        both = frozenset({Phase.EXECUTING, Phase.COMPLETED})
        queued = frozenset({Phase.QUEUED})
        for query, expected in (
            (JobQuery(limit=9), [7, 6, 5, 4, 3, 2, 1, 0]),
            (JobQuery(limit=2), [7, 6]),
            (JobQuery(limit=9, owner="b"), [7, 6, 5, 4]),
            (JobQuery(limit=9, kind="wait"), [7, 5, 3, 1]),
            (JobQuery(limit=9, run="r"), [7, 6, 5, 4]),
            (JobQuery(limit=9, phases=both), [3, 2]),
            (JobQuery(limit=9, ready_at=20.0), [2, 1, 0]),
            (
                JobQuery(limit=9, phases=queued, ready_at=50.0, oldest_first=True),
                [0, 1, 4, 5],
            ),
        ):
            assert await _ids(store, query) == [uuid(number) for number in expected]

    async def test_the_first_reservation_keeps_the_name(self, store: Store) -> None:
        """In its own space; asking again is harmless."""
        for space, name, job, holder in (
            ("acquisition", "a", "job1", "job1"),
            ("acquisition", "a", "job2", "job1"),
            ("acquisition", "a", "job1", "job1"),
            ("other", "a", "job2", "job2"),
            ("acquisition", "ä\0", "job3", "job3"),
        ):
            assert await _reserve(store, space, name, job) == holder
