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

    async def test_found_by_what_is_known_of_them(self, store: Store) -> None:
        """By run id, error, values of parameters, time, and not by phase."""
        error = JobError(type="fatal", code="c", message="m")
        changes: tuple[dict[str, object], ...] = (
            {"parameters": {"A": 2.0, "B": ["x", "y"]}, "run_id": "r"},
            {"parameters": {"A": 2.5, "B": ["y"]}, "run_id": "r"},
            {"error": error, "phase": Phase.ERROR},
            {"phase": Phase.ARCHIVED, "parameters": {"A": "z" * 300}},
        )
        jobs = [
            msgspec.structs.replace(_job(number), **change)
            for number, change in enumerate(changes)
        ]
        await _put(store, *jobs)
        both = (("A", "2"), ("B", "y"))
        for query, expected in (
            (JobQuery(limit=9, run_id="r"), [1, 0]),
            (JobQuery(limit=9, error="c"), [2]),
            (JobQuery(limit=9, parameters=(("A", "2"),)), [0]),
            (JobQuery(limit=9, parameters=(("B", "y"),)), [1, 0]),
            (JobQuery(limit=9, parameters=both), [0]),
            (JobQuery(limit=9, parameters=(("A", "z" * 300),)), []),
            (JobQuery(limit=9, after=0.0), [3, 2]),
            (JobQuery(limit=9, without=Phase.ARCHIVED), [2, 1, 0]),
        ):
            assert await _ids(store, query) == [uuid(number) for number in expected]
        changed = msgspec.structs.replace(jobs[0], parameters={"A": 3}, run_id="")
        await _put(store, changed)
        assert await _ids(store, JobQuery(limit=9, parameters=(("A", "2"),))) == []
        assert await _ids(store, JobQuery(limit=9, run_id="r")) == [uuid(1)]

    async def test_those_due_come_in_the_order_of_their_destruction(
        self, store: Store
    ) -> None:
        """Those without a time never come."""
        times = (30.0, None, 10.0, 20.0)
        jobs = [
            msgspec.structs.replace(_job(number), destruction=at)
            for number, at in enumerate(times)
        ]
        await _put(store, *jobs)
        assert await _ids(store, JobQuery(limit=9, due_at=20.0)) == [uuid(2), uuid(3)]
        assert await _ids(store, JobQuery(limit=1, due_at=99.0)) == [uuid(2)]
        archived = msgspec.structs.replace(jobs[3], phase=Phase.ARCHIVED)
        await _put(store, archived)
        due = JobQuery(limit=9, due_at=99.0, without=Phase.ARCHIVED)
        assert await _ids(store, due) == [uuid(2), uuid(0)]
        old = JobQuery(limit=9, due_at=99.0, phases=frozenset({Phase.ARCHIVED}))
        assert await _ids(store, old) == [uuid(3)]

    async def test_a_removed_job_is_gone_and_its_names_are_not(
        self, store: Store
    ) -> None:
        """By whatever it was found; removing what is not there is harmless."""
        job = msgspec.structs.replace(
            _job(1, runs=("x",)), parameters={"A": 1}, run_id="r"
        )
        await _put(store, job)
        await _reserve(store, "s", "n", job.id)

        def remove(transaction: Transaction) -> None:
            transaction.jobs.remove(job.id)
            transaction.jobs.remove("nothing")

        await store.decide(remove)
        assert await store.view(lambda t: t.jobs.get(job.id)) is None
        for query in (
            JobQuery(limit=9),
            JobQuery(limit=9, run="x"),
            JobQuery(limit=9, run_id="r"),
            JobQuery(limit=9, parameters=(("A", "1"),)),
        ):
            assert await _ids(store, query) == []
        assert await _reserve(store, "s", "n", "other") == job.id

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
