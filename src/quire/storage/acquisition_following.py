"""How acquisitions follow their jobs; every store has it from here."""

from typing import Protocol

from quire.jobs.job import Job
from quire.products.acquisition import (
    Acquisition,
    acquisition_of,
    forgotten,
    names_of,
    overtaken,
)


class FollowedAcquisitions(Protocol):
    """What `follow` needs of a store's acquisitions."""

    def get(self, acquisition: str) -> Acquisition | None:
        """Return an acquisition by its id."""
        ...

    def remove(self, acquisition: str) -> None:
        """Forget an acquisition and its changes."""
        ...

    def of_job(self, job: str) -> Acquisition | None:
        """Return the acquisition of the job with this id."""
        ...

    def change(self, found: Acquisition) -> None:
        """Store an acquisition, and that it has changed."""
        ...


def follow(
    acquisitions: FollowedAcquisitions,
    former: Job | None,
    job: Job | None,
    *,
    now: float,
) -> None:
    """Change the acquisition of a job that is being put, or removed (None).

    Parameters
    ----------
    former
        The job as it is stored, None for a new one.
    now
        Unix seconds.
    """
    known = None
    if former is not None and former.is_acquisition:
        known = acquisitions.of_job(former.id)
    if job is None:
        if known is not None:
            _change(acquisitions, known, forgotten(known, now=now))
        return
    names = names_of(job)
    if names is None:
        return
    if known is not None and known.id != names[0]:
        acquisitions.remove(known.id)
        known = None
    known = known or acquisitions.get(names[0])
    if not overtaken(former, job, known):
        _change(acquisitions, known, acquisition_of(job, known, now=now))


def _change(
    acquisitions: FollowedAcquisitions,
    known: Acquisition | None,
    found: Acquisition | None,
) -> None:
    if found is not None and found != known:
        acquisitions.change(found)
