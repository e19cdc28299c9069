"""The run record: all that was said under one ``start.uid``, in short."""

from enum import StrEnum
from itertools import chain
from typing import Any

import jiter
import msgspec

from quire.runs.annotations import Annotations


class Status(StrEnum):
    """How a run stands."""

    OPEN = "open"
    INTERRUPTED = "interrupted"
    SUCCESS = "success"
    ABORT = "abort"
    FAIL = "fail"


class Severity(StrEnum):
    """How much a finding matters."""

    NOTE = "note"
    MINOR = "minor"
    FLAG = "flag"


class Finding(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A rule that stored documents break: kept and shown, never a refusal.

    Attributes
    ----------
    rule
        Short name of the rule.
    uid
        The document that breaks it; empty where there are more than are listed.
    message
        In plain words.
    severity
        A note is for information, a minor one wants no action, a flag wants a look.
    received
        Text of the copy that was refused, clipped; only where it is a conflict.
    """

    rule: str
    uid: str
    message: str
    severity: Severity = Severity.FLAG
    received: str = ""


class DataKey(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a descriptor declares of one data key.

    Attributes
    ----------
    dtype
        ``string``, ``number``, ``array``, ``boolean`` or ``integer``.
    external
        Where the data lies, such as ``FILESTORE:`` or ``STREAM:``; empty where the
        events hold it.
    choices
        The texts that it may be; empty where it may be any.
    """

    dtype: str
    external: str = ""
    choices: tuple[str, ...] = ()

    @property
    def streamed(self) -> bool:
        """Whether the data comes by `stream_datum`, never in an event."""
        return self.external.startswith("STREAM:")


class Stream(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stream of a run.

    Attributes
    ----------
    descriptors
        uids of its descriptors.
    data_keys
        Names of all their data keys, sorted.
    seq_nums
        Closed intervals ``(first, last)`` of the sequence numbers seen, sorted,
        neither touching nor overlapping.
    events
        Stored event rows, superseded ones of a rewind included.
    first_time, last_time
        Smallest and greatest event time, Unix seconds.
    assets
        Sequence numbers that external data covers, by the uid of its
        `stream_resource`; intervals as in `seq_nums`.
    """

    descriptors: tuple[str, ...] = ()
    data_keys: tuple[str, ...] = ()
    seq_nums: tuple[tuple[int, int], ...] = ()
    events: int = 0
    first_time: float | None = None
    last_time: float | None = None
    assets: dict[str, tuple[tuple[int, int], ...]] = {}

    @property
    def rows(self) -> int:
        """Number of distinct sequence numbers: rows of the resolved view."""
        return sum([last - first + 1 for first, last in self.seq_nums])


# What is left at its default is not written: names of empty fields would be a fifth of
# a record, and whether two records share a page of the store decides what a search costs.
class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run, folded from its documents.

    Attributes
    ----------
    uid
        ``start.uid``.
    owner
        The principal who sent its first document.
    start, stop
        The effective documents, as received; None until they come. Of several
        stops the one with the earliest time, then the smallest uid.
    time, scan_id, plan_name
        Of the start document; None until it comes or where it has none.
    stops
        Stop documents that have come.
    num_points
        How many events the plan announced in its start document, if it did.
    descriptors
        Stream name of each descriptor uid.
    streams
        By name.
    declared
        Data keys by the uid of their descriptor.
    stream_resources
        Data key of each `stream_resource` by its uid.
    awaited
        What documents refer to and has not come: its document's name by its uid.
    borrowers
        uids of runs, sorted, whose events name datums that this run would have first
        and has not.
    unplaced
        Rows by the uid of a descriptor that has not come yet.
    unjudged
        Where those of `bulk_events` stand: uids of some, by that of the descriptor.
    documents
        Stored documents.
    findings
        Sorted.
    lease_until
        Unix seconds; after it a run without a stop is interrupted.
    interrupted
        The lease ran out and nothing came since.
    closed_at, closed_by, close_reason
        Unix seconds, principal and words of who closed it by hand; None until then.
    devices
        Names of the devices that its descriptors tell of, sorted.
    products
        Names of the files made of it, sorted.
    annotations
        What people said of it: flags, comments, sign-off, facility fields.
    """

    uid: str
    owner: str = ""
    start: bytes | None = None
    stop: bytes | None = None
    time: float | None = None
    scan_id: int | None = None
    plan_name: str | None = None
    num_points: int | None = None
    stop_time: float | None = None
    stops: int = 0
    stop_uid: str | None = None
    exit_status: str | None = None
    reason: str = ""
    descriptors: dict[str, str] = {}
    streams: dict[str, Stream] = {}
    declared: dict[str, dict[str, DataKey]] = {}
    stream_resources: dict[str, str] = {}
    awaited: dict[str, str] = {}
    borrowers: tuple[str, ...] = ()
    unplaced: dict[str, Stream] = {}
    unjudged: dict[str, tuple[str, ...]] = {}
    documents: int = 0
    findings: tuple[Finding, ...] = ()
    first_received: float = 0.0
    lease_until: float = 0.0
    interrupted: bool = False
    closed_at: float | None = None
    closed_by: str = ""
    close_reason: str = ""
    devices: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    annotations: Annotations = Annotations()

    @property
    def status(self) -> Status:
        """How the run stands, as its documents and its lease say."""
        if self.exit_status is not None:
            return Status(self.exit_status)
        silent = self.interrupted or self.closed_at is not None
        return Status.INTERRUPTED if silent else Status.OPEN

    @property
    def events(self) -> int:
        """Rows of all streams in the resolved view."""
        spans = chain.from_iterable([one.seq_nums for one in self.streams.values()])
        return sum([last - first + 1 for first, last in spans])

    def start_document(self) -> dict[str, Any]:
        """Return the start document, empty if it has not come."""
        return _parsed(self.start)

    def stop_document(self) -> dict[str, Any]:
        """Return the effective stop document, empty if none has come."""
        return _parsed(self.stop)


def _parsed(raw: bytes | None) -> dict[str, Any]:
    if raw is None:
        return {}
    value: dict[str, Any] = jiter.from_json(raw, allow_inf_nan=True)
    return value
