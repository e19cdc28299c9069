"""The job record."""

from enum import StrEnum
from typing import Any, Literal

import msgspec

from quire.jobs.phases import Phase

ACQUISITION = "merge"
"""The kind whose jobs are acquisitions."""

ABORTING = "Aborting"
"""The step of a job that is being aborted: nothing else becomes of it any more."""


class Severity(StrEnum):
    """How bad an alert is (ESO ifw-daq, DaqAlert)."""

    ERROR = "Error"
    WARNING = "Warning"
    INFO = "Info"


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of a job that a person should know of.

    Attributes
    ----------
    id
        Stable for one condition, unique within the job.
    description
        What is wrong, where, and what mends it.
    at
        Unix seconds when it was set or last updated.
    """

    id: str
    severity: Severity
    description: str
    at: float = 0.0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt stands, beyond what its progress says.

    Attributes
    ----------
    step
        Where it is, in its kind's own words.
    alerts
        What a person should know of by now; they replace what was told before.
    marks
        What has been done for good since the last time, by name, in the kind's own
        words; None takes a mark back. What they vouch for is on disk already.
    """

    step: str
    alerts: tuple[Alert, ...] = ()
    marks: dict[str, str | None] = {}


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed (UWS ``errorSummary``)."""

    type: Literal["transient", "fatal"]
    code: str
    message: str
    detail: str = ""


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a job made.

    Attributes
    ----------
    path
        Relative to the data folder.
    size
        Bytes.
    """

    id: str
    path: str
    size: int
    mime_type: str
    sha256: str = ""


class OutsideResult(msgspec.Struct, frozen=True, kw_only=True):
    """Where the service that runs a job elsewhere has left a result.

    Attributes
    ----------
    size
        Bytes, None if unknown.
    """

    id: str
    url: str
    size: int | None = None
    mime_type: str | None = None


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What the service that runs a job elsewhere has said of it (Wobbly).

    Attributes
    ----------
    message_id
        The service's own name for it in its queue.
    errors
        All of them, in the order in which they were told; a job's `error` is the first.
    """

    message_id: str | None = None
    results: tuple[OutsideResult, ...] = ()
    errors: tuple[JobError, ...] = ()


class StagedProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A product that an attempt has finished and made durable, not yet published.

    Attributes
    ----------
    file_name, manifest_name
        Names under which both are published.
    part, manifest
        Where they lie now, relative to the data folder.
    beside
        What else is published with it: where it lies by the name that it gets.
    size
        Bytes of the product.
    sha256
        Hash of the product, hexadecimal.
    runs
        uids of the runs that it was made from.
    documents
        How many documents each of them had when it was read, where that is told.
    """

    file_name: str
    manifest_name: str
    part: str
    manifest: str
    size: int
    sha256: str
    mime_type: str
    runs: tuple[str, ...] = ()
    documents: dict[str, int] = {}
    beside: dict[str, str] = {}


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of asynchronous work.

    Attributes
    ----------
    kind
        What it does.
    parameters
        As its kind read them.
    runs
        uids of the runs that it works on.
    created, started, ended
        Unix seconds.
    execution_duration
        Seconds that one attempt may take, 0 for no limit.
    attempt
        Number of the newest attempt, 0 before the first.
    losses
        Attempts that ended without a verdict: their process or server died.
    cut_off
        Attempts under which the server died.
    not_before
        Unix seconds before which no new attempt begins (back-off).
    lease_until
        Unix seconds; an attempt that is silent past it is lost.
    staged
        What the newest attempt has committed and the server is publishing; an
        abort now comes too late.
    product
        Id of the product that it published, empty if none.
    retry_of
        Id of the job that this one repeats.
    destruction
        Unix seconds when its results are deleted and it is ARCHIVED, None for never.
    host
        Where the newest attempt runs, empty for the server's own machine.
    server
        Name of the server whose child process the newest attempt is, where several
        servers share a database; empty where there is one.
    step
        Where it stands within its phase, in its kind's own words.
    marks
        What of it has been done for good, beyond its attempts, until it is over.
    reserved
        Bytes of disk space that are kept free for the newest attempt.
    outside
        What is told of it by the service that runs it, which `kind` then names; such a
        job is never claimed and has no lease. None for a job that is run here.
    """

    id: str
    kind: str
    owner: str
    phase: Phase = Phase.PENDING
    parameters: dict[str, Any] = {}
    runs: tuple[str, ...] = ()
    run_id: str = ""
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    execution_duration: int = 0
    attempt: int = 0
    losses: int = 0
    retries: int = 0
    cut_off: int = 0
    not_before: float = 0.0
    lease_until: float | None = None
    staged: StagedProduct | None = None
    results: tuple[JobResult, ...] = ()
    error: JobError | None = None
    alerts: tuple[Alert, ...] = ()
    product: str = ""
    retry_of: str = ""
    destruction: float | None = None
    host: str = ""
    server: str = ""
    step: str = ""
    marks: dict[str, str] = {}
    reserved: int = 0
    outside: Outside | None = None

    @property
    def is_acquisition(self) -> bool:
        """Whether errors block it until a person decides, as ESO's DPM has it."""
        return self.kind == ACQUISITION and self.outside is None

    @property
    def aborting(self) -> bool:
        """Whether its abort has begun, and has not ended yet."""
        return self.step == ABORTING and not self.phase.final


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """What a runner needs to know to do one attempt.

    Attributes
    ----------
    folder
        The attempt's own folder, absolute; nobody else writes there.
    data_folder
        The server's data folder, absolute.
    marks
        What earlier attempts have done for good; see `Standing`.
    """

    job: str
    attempt: int
    kind: str
    parameters: dict[str, Any]
    runs: tuple[str, ...]
    owner: str
    folder: str
    data_folder: str
    marks: dict[str, str] = {}


class Completed(msgspec.Struct, frozen=True, kw_only=True, tag="completed"):
    """The attempt did its work."""

    message: str = "Completed"
    product: StagedProduct | None = None
    results: tuple[JobResult, ...] = ()


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The attempt failed."""

    error: JobError


class Blocked(msgspec.Struct, frozen=True, kw_only=True, tag="blocked"):
    """The attempt cannot go on until a person has done something."""

    alerts: tuple[Alert, ...]


class Suspended(msgspec.Struct, frozen=True, kw_only=True, tag="suspended"):
    """The attempt cannot go on before there is more disk space; nobody need act."""

    alerts: tuple[Alert, ...]


Outcome = Completed | Failed | Blocked | Suspended
