"""Who may see an acquisition."""

from quire.access.principals import Principal
from quire.errors import NotFound
from quire.jobs.job import Job
from quire.ports.store import Transaction
from quire.products.acquisition import Acquisition


def visible_acquisition(
    tx: Transaction, acquisition: str, principal: Principal
) -> Acquisition:
    """Return an acquisition that the principal may see.

    Raises
    ------
    NotFound
        It was never queued, or it is somebody else's.
    """
    found = tx.acquisitions.get(acquisition)
    if found is None or not principal.can_see(found.owner):
        raise NotFound("acquisition", acquisition, "it was never queued")
    return found


def active_acquisition(
    tx: Transaction, acquisition: str, principal: Principal
) -> tuple[Acquisition, Job]:
    """Return an acquisition that is not over, and its job.

    Raises
    ------
    NotFound
        There is none of that id, or it is archived.
    """
    found = visible_acquisition(tx, acquisition, principal)
    job = tx.jobs.get(found.job)
    if found.archived or job is None:
        mend = f"it is {found.substate} and archived: ask GetArchivedDaqStatus"
        raise NotFound("acquisition", acquisition, mend)
    return found, job
