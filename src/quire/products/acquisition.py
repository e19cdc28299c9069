"""The record of an acquisition: a merge as ESO's DPM sees it.

It is a view of the job that does it, made anew whenever the job is put.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from quire.jobs.job import Alert, Job, Severity
from quire.products.acquisition_states import Substate, substate_of


class Acquisition(msgspec.Struct, frozen=True, kw_only=True):
    """An acquisition (DAQ).

    Attributes
    ----------
    id
        As its specification has it.
    job
        Id of the job that does it; a repeated job takes its place.
    changed
        Unix seconds of the newest change of substate or alerts.
    created
        Unix seconds at which it was queued first.
    """

    id: str
    file_id: str
    job: str
    owner: str
    substate: Substate
    alerts: tuple[Alert, ...] = ()
    changed: float
    created: float

    @property
    def error(self) -> bool:
        """Whether an alert needs a person (ESO ifw-daq 3.2.0)."""
        return any(alert.severity is Severity.ERROR for alert in self.alerts)

    @property
    def archived(self) -> bool:
        """Whether it is over."""
        return self.substate.final


class _Target(msgspec.Struct, frozen=True, rename="camel"):
    file_id: str


class _Names(msgspec.Struct, frozen=True):
    """What a specification is called; the rest of it is not read."""

    id: str
    target: _Target


def names_of(job: Job) -> tuple[str, str] | None:
    """Return the id of a job's acquisition and its file id, None if it is none."""
    if not job.is_acquisition:
        return None
    text: Any = job.parameters.get("SPECIFICATION")
    try:
        if isinstance(text, str):
            names = msgspec.json.decode(text, type=_Names)
        else:
            names = msgspec.convert(text, _Names)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return names.id, names.target.file_id


def acquisition_of(
    job: Job, former: Acquisition | None, *, now: float
) -> Acquisition | None:
    """Return the acquisition that a job does, None if it does none.

    Parameters
    ----------
    former
        What was known of the acquisition of that id; of another job where this one
        repeats it.
    now
        Unix seconds; the time of the change, if there is one.
    """
    names = names_of(job)
    if names is None:
        return None
    same = former if former is not None and former.job == job.id else None
    found = Acquisition(
        id=names[0],
        file_id=names[1],
        job=job.id,
        owner=job.owner,
        substate=substate_of(job, same.substate if same else None),
        alerts=job.alerts,
        changed=same.changed if same else now,
        created=job.created,
    )
    return found if found == same else replace(found, changed=now)


def overtaken(former: Job | None, job: Job, known: Acquisition | None) -> bool:
    """Return whether a job that repeats this one has taken its acquisition over.

    Parameters
    ----------
    former
        The job before it is put, None if it is new.
    known
        What is known of the acquisition of that id.
    """
    if former is None or known is None or known.job == job.id:
        return False
    return names_of(former) == names_of(job)


def forgotten(former: Acquisition, *, now: float) -> Acquisition:
    """Return the acquisition of a job that has been deleted."""
    if former.archived:
        return former
    return replace(former, substate=Substate.ABORTED, alerts=(), changed=now)
