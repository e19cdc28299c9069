"""The guarantees of `quire.ports.acquisition_records`."""

import json

import pytest
from msgspec.structs import replace

from quire.jobs.job import Alert, Job, Severity
from quire.jobs.phases import Phase
from quire.ports.acquisition_records import ACQUISITIONS, AcquisitionQuery
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store
from quire.products.acquisition_states import Substate
from quire.testing.contracts.fixtures import ContractFixtures, uuid


def _job(number: int, name: str, *, phase: Phase = Phase.QUEUED) -> Job:
    wanted = {"id": name, "target": {"fileId": f"file-{name}"}}
    return Job(
        id=uuid(number),
        kind="merge",
        owner="ab"[number % 2],
        phase=phase,
        created=float(number),
        parameters={"SPECIFICATION": json.dumps(wanted)},
    )


async def _put(store: Store, *jobs: Job) -> None:
    for job in jobs:
        await store.decide(lambda tx, job=job: tx.jobs.put(job))  # type: ignore[misc]


async def _ids(store: Store, query: AcquisitionQuery) -> list[str]:
    found = await store.view(lambda tx: tx.acquisitions.page(query))
    return [one.id for one in found]


class AcquisitionsContract(ContractFixtures):
    """Acquisitions follow their jobs, and outlive them."""

    async def test_every_change_is_kept_in_order(
        self, store: Store, doorbell: Doorbell
    ) -> None:
        """One that changes nothing to be seen is none."""
        queued = _job(1, "daq")
        alert = Alert(id="a", severity=Severity.ERROR, description="d")
        held = replace(queued, phase=Phase.HELD, alerts=(alert,))
        await _put(store, queued)
        ticket = doorbell.ticket(ACQUISITIONS)
        await _put(store, replace(queued, not_before=5.0))
        assert not await doorbell.wait(ACQUISITIONS, ticket, 0.0)
        await _put(store, replace(queued, phase=Phase.EXECUTING), held)
        assert await doorbell.wait(ACQUISITIONS, ticket, 1.0)
        changes = await store.view(lambda tx: tx.acquisitions.changes(0, 9))
        assert [one.acquisition.substate for one in changes] == [
            Substate.SCHEDULED,
            Substate.COLLECTING,
            Substate.COLLECTING,
        ]
        assert [one.acquisition.error for one in changes] == [False, False, True]
        numbers = [one.number for one in changes]
        assert numbers == sorted(set(numbers))
        newest = await store.view(lambda tx: tx.acquisitions.newest_change())
        assert newest == numbers[-1]
        rest = await store.view(lambda tx: tx.acquisitions.changes(numbers[0], 1))
        assert rest == changes[1:2]
        found = await store.view(lambda tx: tx.acquisitions.get("daq"))
        assert found == changes[-1].acquisition

    async def test_a_decision_that_fails_changes_nothing(self, store: Store) -> None:
        """Neither the acquisition nor the numbers that were told."""
        job = _job(1, "daq")

        def failing(tx: object) -> None:
            tx.jobs.put(job)  # type: ignore[attr-defined]
            raise RuntimeError

        with pytest.raises(RuntimeError):
            await store.decide(failing)
        assert await store.view(lambda tx: tx.acquisitions.get("daq")) is None
        assert await store.view(lambda tx: tx.acquisitions.changes(0, 9)) == ()

    async def test_a_repeated_job_takes_the_acquisition_over(
        self, store: Store
    ) -> None:
        """The former job changes it no more, neither archived nor removed."""
        aborted = _job(1, "daq", phase=Phase.ABORTED)
        await _put(store, aborted, _job(2, "daq"))
        found = await store.view(lambda tx: tx.acquisitions.get("daq"))
        assert found is not None
        assert (found.job, found.substate) == (uuid(2), Substate.SCHEDULED)
        await _put(store, replace(aborted, phase=Phase.ARCHIVED))
        assert await store.view(lambda tx: tx.acquisitions.get("daq")) == found
        await store.decide(lambda tx: tx.jobs.remove(uuid(1)))
        assert await store.view(lambda tx: tx.acquisitions.get("daq")) == found

    async def test_it_outlives_its_job(self, store: Store) -> None:
        """As aborted, if it was not over."""
        done = _job(2, "done", phase=Phase.COMPLETED)
        await _put(store, _job(1, "open"), done)
        for number in (1, 2):
            await store.decide(lambda tx, number=number: tx.jobs.remove(uuid(number)))  # type: ignore[misc]
        for name, substate in (
            ("open", Substate.ABORTED),
            ("done", Substate.COMPLETED),
        ):
            found = await store.view(lambda tx, name=name: tx.acquisitions.get(name))  # type: ignore[misc]
            assert found is not None
            assert found.substate is substate
        newest = await store.view(lambda tx: tx.acquisitions.newest_change())
        await store.decide(lambda tx: tx.acquisitions.remove("open"))
        assert await _ids(store, AcquisitionQuery(limit=9)) == ["done"]
        changes = await store.view(lambda tx: tx.acquisitions.changes(0, 9))
        assert {one.acquisition.id for one in changes} == {"done"}
        assert await store.view(lambda tx: tx.acquisitions.newest_change()) == newest

    async def test_a_job_that_is_renamed_before_it_begins(self, store: Store) -> None:
        """Is no acquisition under its former id."""
        await _put(store, _job(1, "one", phase=Phase.PENDING))
        await _put(store, _job(1, "two", phase=Phase.PENDING))
        assert await _ids(store, AcquisitionQuery(limit=9)) == ["two"]

    async def test_every_condition(self, store: Store) -> None:
        """Alone and together; newest first."""
        jobs = [_job(number, f"d{number}") for number in range(6)]
        jobs[2] = _job(2, "d2", phase=Phase.ABORTED)
        await _put(store, *jobs)
        aborted = frozenset({Substate.ABORTED})
        for query, expected in (
            (AcquisitionQuery(limit=9), [5, 4, 3, 2, 1, 0]),
            (AcquisitionQuery(limit=2), [5, 4]),
            (AcquisitionQuery(limit=9, owner="b"), [5, 3, 1]),
            (AcquisitionQuery(limit=9, substates=aborted), [2]),
            (AcquisitionQuery(limit=9, text="e-d3"), [3]),
            (AcquisitionQuery(limit=9, text="%"), []),
            (AcquisitionQuery(limit=9, since=2.0, until=4.0), [3, 2]),
            (AcquisitionQuery(limit=9, before=(3.0, "d3")), [2, 1, 0]),
            (AcquisitionQuery(limit=9, changed_before=0.0), []),
            (AcquisitionQuery(limit=9, changed_before=9e12, owner="a"), [4, 2, 0]),
        ):
            assert await _ids(store, query) == [f"d{number}" for number in expected]
