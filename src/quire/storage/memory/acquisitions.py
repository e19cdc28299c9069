"""The acquisitions in memory."""

from quire.clock import Clock, SystemClock
from quire.jobs.job import Job
from quire.ports.acquisition_records import (
    ACQUISITIONS,
    AcquisitionChange,
    AcquisitionQuery,
)
from quire.products.acquisition import Acquisition
from quire.storage.acquisition_following import follow
from quire.storage.memory.journal import Journal


class MemoryAcquisitions:
    """`quire.ports.acquisition_records.AcquisitionRecords` in dictionaries."""

    def __init__(self, journal: Journal, clock: Clock | None = None) -> None:
        self._journal = journal
        self._clock = clock or SystemClock()
        self._acquisitions: dict[str, Acquisition] = {}
        self._changes: dict[int, AcquisitionChange] = {}
        self._newest = {"change": 0}

    def get(self, acquisition: str) -> Acquisition | None:
        """Return an acquisition by its id."""
        return self._acquisitions.get(acquisition)

    def page(self, query: AcquisitionQuery) -> tuple[Acquisition, ...]:
        """Return matching acquisitions, newest first."""
        found = [one for one in self._acquisitions.values() if _fits(one, query)]
        found.sort(key=lambda one: (one.created, one.id), reverse=True)
        return tuple(found[: max(query.limit, 0)])

    def changes(self, after: int, limit: int) -> tuple[AcquisitionChange, ...]:
        """Return the changes with numbers above `after`, in order."""
        numbers = sorted(number for number in self._changes if number > after)
        return tuple(self._changes[number] for number in numbers[: max(limit, 0)])

    def newest_change(self) -> int:
        """Return the number of the newest change, 0 before the first."""
        return self._newest["change"]

    def remove(self, acquisition: str) -> None:
        """Forget an acquisition and its changes; its id stays taken."""
        if acquisition in self._acquisitions:
            self._journal.remove(self._acquisitions, acquisition)
        for number, change in list(self._changes.items()):
            if change.acquisition.id == acquisition:
                self._journal.remove(self._changes, number)

    def follow(self, former: Job | None, job: Job | None) -> None:
        """Change the acquisition of a job that is being put, or removed (None)."""
        follow(self, former, job, now=self._clock.now())

    def of_job(self, job: str) -> Acquisition | None:
        """Return the acquisition of a job."""
        every = self._acquisitions.values()
        return next((one for one in every if one.job == job), None)

    def change(self, found: Acquisition) -> None:
        """Store an acquisition, and that it has changed."""
        number = self._newest["change"] + 1
        change = AcquisitionChange(number=number, acquisition=found)
        self._journal.set(self._acquisitions, found.id, found)
        self._journal.set(self._changes, number, change)
        self._journal.set(self._newest, "change", number)
        self._journal.topics.add(ACQUISITIONS)


def _fits(one: Acquisition, query: AcquisitionQuery) -> bool:
    return (
        (query.owner is None or one.owner == query.owner)
        and (not query.substates or one.substate in query.substates)
        and (query.text in one.id or query.text in one.file_id)
        and (query.before is None or (one.created, one.id) < query.before)
        and _fits_by_times(one, query)
    )


def _fits_by_times(one: Acquisition, query: AcquisitionQuery) -> bool:
    changed = query.changed_before
    return (
        (query.since is None or one.created >= query.since)
        and (query.until is None or one.created < query.until)
        and (changed is None or one.changed < changed)
    )
