"""What runners send."""

import msgspec

from quire.actions.runners import RunnerName
from quire.jobs.job import JobResult, Outcome, Standing
from quire.progress.event import ProgressEvent


class ClaimBody(msgspec.Struct, frozen=True, kw_only=True):
    """Begin the attempt.

    Attributes
    ----------
    runner
        Host and process, with something that no other runner has.
    """

    runner: RunnerName


class BeatBody(msgspec.Struct, frozen=True, kw_only=True):
    """A sign of life."""


class TellBody(msgspec.Struct, frozen=True, kw_only=True):
    """An entry for the job's progress log.

    Attributes
    ----------
    again
        Whether it may have arrived before: it was sent, and no answer came.
    """

    event: ProgressEvent
    standing: Standing | None = None
    again: bool = False


class DeliverBody(msgspec.Struct, frozen=True, kw_only=True):
    """A finished file."""

    result: JobResult


class FinishBody(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the attempt."""

    outcome: Outcome


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What the runner is to do.

    Attributes
    ----------
    end
        Whether it must end, with everything that it started.
    """

    end: bool


class UploadBody(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be put into the object store.

    Attributes
    ----------
    path
        Relative to the data folder.
    """

    path: str


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """Where one PUT brings it."""

    url: str
