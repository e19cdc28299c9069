"""DPM's structures as JSON (ESO ifw-daq 3.2.0, daqif/structures.html).

Times are ISO 8601 in UTC. Members that ESO does not document are our own.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from quire.actions.acquisitions import Details
from quire.jobs.job import Alert
from quire.products.acquisition import Acquisition
from quire.products.acquisition_states import State, Substate
from quire.products.storage_forecast import Space

_LONGEST = 200
_MOST_LISTED = 1000

Name = Annotated[str, msgspec.Meta(max_length=_LONGEST)]


class NoArguments(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """A command that takes none."""


class QueueArguments(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What QueueDaq takes: the specification as text or as an object."""

    specification: str | dict[str, Any]


class IdArguments(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What a command takes that is about one acquisition."""

    id: Name


class HistoryArguments(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What QueryHistory takes.

    Attributes
    ----------
    text
        Part of the id or the file id.
    sub_state
        Any of these.
    since, until
        When it was queued, ISO 8601; `until` is not included.
    cursor
        `next` of the page before.
    """

    text: Name = ""
    sub_state: tuple[Name, ...] = msgspec.field(default=(), name="subState")
    since: datetime | None = None
    until: datetime | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=_MOST_LISTED)] = 50
    cursor: str | None = None


class DaqReply(msgspec.Struct, frozen=True, kw_only=True):
    """What QueueDaq and AbortDaq answer."""

    id: str
    error: bool


class DaqAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert; its id is unique within the acquisition and stable."""

    id: str
    severity: str
    description: str
    timestamp: str


class DaqStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How an acquisition stands; `error` is derived from its alerts."""

    id: str
    file_id: str
    state: State
    sub_state: Substate
    error: bool
    alerts: tuple[DaqAlert, ...]
    timestamp: str


class InternalDaqStatus(DaqStatus, frozen=True, kw_only=True, rename="camel"):
    """The same with what Quire knows beyond it.

    Attributes
    ----------
    job
        Id of the job that does it; its progress is to be had under that.
    phase
        The job's, as UWS names it; None if the job was deleted.
    attempt
        Number of the newest, 0 before the first.
    message
        What its progress said last; None if there is none.
    reserved
        Bytes of disk space kept free for it.
    result
        Where the product lies, relative to the data folder.
    """

    owner: str
    job: str
    phase: str | None
    attempt: int
    message: str | None
    queued: str
    started: str | None
    ended: str | None
    reserved: int
    result: str | None
    specification: Any


class StorageStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The file system of the workspace, in bytes."""

    capacity: int
    free: int
    available: int
    timestamp: str


class History(msgspec.Struct, frozen=True, kw_only=True):
    """A page of acquisitions, newest first; `next` is None on the last."""

    acquisitions: tuple[DaqStatus, ...]
    next: str | None


def iso(seconds: float) -> str:
    """Return Unix seconds as ISO 8601 in UTC."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def reply(one: Acquisition) -> DaqReply:
    """Return the reply about an acquisition."""
    return DaqReply(id=one.id, error=one.error)


def status(one: Acquisition) -> DaqStatus:
    """Return how an acquisition stands."""
    return DaqStatus(**_status(one))


def internal_status(details: Details) -> InternalDaqStatus:
    """Return all that is known of an acquisition."""
    one, job, product = details.acquisition, details.job, details.product
    return InternalDaqStatus(
        **_status(one),
        owner=one.owner,
        job=one.job,
        phase=job.phase.value if job else None,
        attempt=job.attempt if job else 0,
        message=details.told.event.message if details.told else None,
        queued=iso(one.created),
        started=_iso(job.started if job else None),
        ended=_iso(job.ended if job else None),
        reserved=job.reserved if job else 0,
        result=product.file if product else None,
        specification=job.parameters.get("SPECIFICATION") if job else None,
    )


def storage_status(space: Space, at: float) -> StorageStatus:
    """Return how the disk stood at a time (Unix seconds)."""
    return StorageStatus(
        capacity=space.capacity,
        free=space.free,
        available=space.available,
        timestamp=iso(at),
    )


def _status(one: Acquisition) -> dict[str, Any]:
    return {
        "id": one.id,
        "file_id": one.file_id,
        "state": one.substate.state,
        "sub_state": one.substate,
        "error": one.error,
        "alerts": tuple(map(_alert, one.alerts)),
        "timestamp": iso(one.changed),
    }


def _alert(alert: Alert) -> DaqAlert:
    return DaqAlert(
        id=alert.id,
        severity=alert.severity.value,
        description=alert.description,
        timestamp=iso(alert.at),
    )


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)
