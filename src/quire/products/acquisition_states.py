"""ESO's state machine of acquisitions, beside the phases of the jobs that do them.

Source: ESO ifw-daq 3.2.0, daqif/structures.html; which command is valid where:
dpm.html. There is no Failed state: an error blocks an acquisition where it is.
"""

from collections.abc import Mapping
from enum import StrEnum

from quire.jobs.job import Job
from quire.jobs.phases import Phase


class State(StrEnum):
    """The state proper, of which each substate has one."""

    ACQUIRING = "StateAcquiring"
    MERGING = "StateMerging"
    COMPLETED = "StateCompleted"
    UNDEFINED = "StateUndefined"


class Substate(StrEnum):
    """Where an acquisition stands, once its data are taken."""

    NOT_SCHEDULED = "NotScheduled"
    SCHEDULED = "Scheduled"
    COLLECTING = "Collecting"
    MERGING = "Merging"
    RELEASING = "Releasing"
    ABORTING = "Aborting"
    COMPLETED = "Completed"
    ABORTED = "Aborted"

    @classmethod
    def _missing_(cls, value: object) -> "Substate | None":
        return _FORMERLY.get(value) if isinstance(value, str) else None

    @property
    def state(self) -> State:
        """The state that it belongs to."""
        return State.COMPLETED if self.final else State.MERGING

    @property
    def final(self) -> bool:
        """Whether nothing follows: such an acquisition is archived."""
        return not NEXT[self]


# Called so before 3.2.0.
_FORMERLY = {"Transferring": Substate.COLLECTING}

NEXT: Mapping[Substate, frozenset[Substate]] = {
    Substate.NOT_SCHEDULED: frozenset(
        {Substate.SCHEDULED, Substate.ABORTING, Substate.ABORTED}
    ),
    Substate.SCHEDULED: frozenset(
        {Substate.COLLECTING, Substate.ABORTING, Substate.ABORTED}
    ),
    Substate.COLLECTING: frozenset(
        {Substate.MERGING, Substate.ABORTING, Substate.ABORTED}
    ),
    Substate.MERGING: frozenset(
        {Substate.RELEASING, Substate.ABORTING, Substate.ABORTED}
    ),
    Substate.RELEASING: frozenset(
        {Substate.COMPLETED, Substate.ABORTING, Substate.ABORTED}
    ),
    Substate.ABORTING: frozenset({Substate.ABORTED}),
    Substate.COMPLETED: frozenset(),
    Substate.ABORTED: frozenset(),
}
"""What may follow: the whole machine from the hand-over by OCM on."""

ABORTABLE = frozenset(one for one in Substate if not one.final)
"""Where AbortDaq is valid."""

RETRYABLE = frozenset({Substate.COLLECTING, Substate.MERGING, Substate.RELEASING})
"""Where RetryMergeDaq is valid."""

_COURSE = (
    Substate.NOT_SCHEDULED,
    Substate.SCHEDULED,
    Substate.COLLECTING,
    Substate.MERGING,
    Substate.RELEASING,
)
_BEGUN = frozenset({Phase.EXECUTING, Phase.HELD})
_UNDER_WAY: Mapping[Phase, Substate] = {
    Phase.PENDING: Substate.NOT_SCHEDULED,
    Phase.QUEUED: Substate.SCHEDULED,
    Phase.SUSPENDED: Substate.SCHEDULED,
    Phase.EXECUTING: Substate.COLLECTING,
    Phase.HELD: Substate.COLLECTING,
}


def substate_of(job: Job, former: Substate | None = None) -> Substate:
    """Return where the acquisition of a job stands.

    Parameters
    ----------
    former
        Where it stood before. It never goes back: what is retried, or waits for disk
        space, stays in the substate that it had reached.
    """
    if former is not None and former.final:
        return former
    found = _present(job)
    if former is None or found not in _COURSE:
        return found
    if former not in _COURSE:
        return former
    return max(former, found, key=_COURSE.index)


def _present(job: Job) -> Substate:
    if job.phase is Phase.COMPLETED or (job.phase is Phase.ARCHIVED and job.product):
        return Substate.COMPLETED
    if job.phase.final or job.phase is Phase.UNKNOWN:
        return Substate.ABORTED
    if job.staged is not None:
        return Substate.RELEASING
    if job.step == Substate.ABORTING:
        return Substate.ABORTING
    if job.step and job.phase in _BEGUN:
        return Substate(job.step)
    return _UNDER_WAY[job.phase]
