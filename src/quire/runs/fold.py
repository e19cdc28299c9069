"""The fold: documents into the run that they make.

The final run does not depend on the order in which documents come (P5 of
``reference/reliability.md``). What documents disagree on is settled by the documents:
of several stops the earliest `time`, then the smallest uid, is effective.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import chain, islice
from typing import Any, ClassVar

from msgspec.structs import replace

from quire.documents.batch import EventBatch
from quire.documents.document import Document
from quire.documents.identity import bulk_rows, row_uids
from quire.documents.names import DocumentName
from quire.runs.bulks import (
    Bulks,
    Events,
    by_descriptor,
    no_bulks,
    no_longer_waiting,
    still_waiting,
)
from quire.runs.findings import settled
from quire.runs.growth import Growth, together
from quire.runs.rows import Rows
from quire.runs.rules.legacy import legacy
from quire.runs.rules.numbers import no_number
from quire.runs.rules.pages import ragged_datums, ragged_event_page, repeated_uids
from quire.runs.rules.sequence import odd_ranges
from quire.runs.rules.stops import second_stop
from quire.runs.run import DataKey, Finding, Run, Stream
from quire.runs.values import LARGEST, as_integer, as_number, as_text

# What is awaited beyond so many is forgotten, the greatest uids first.
_MOST_AWAITED = 10_000
# A record is written with each event; of a data key with more choices none is kept.
_MOST_CHOICES = 100

_PAGES = frozenset(
    {
        DocumentName.EVENT_PAGE,
        DocumentName.BULK_EVENTS,
        DocumentName.DATUM_PAGE,
        DocumentName.BULK_DATUM,
    }
)

Arrived = Iterable[tuple[Document | EventBatch, Collection[int]]]
"""Documents, each with the places of rows that the run has already: a batch none."""
Known = Callable[[DocumentName, Collection[str]], Collection[str]]
"""Which of these datum_ids, or of these uids of resources, the run has."""


def none_known(_: DocumentName, __: Collection[str]) -> Collection[str]:
    """Tell that the run has none of them."""
    return ()


def fold(
    run: Run,
    document: Document,
    repeated: Collection[int] = (),
    *,
    known: Known = none_known,
    bulks: Bulks = no_bulks,
) -> Run:
    """Return the run with one more document.

    Parameters
    ----------
    repeated
        Places of rows that the run has already.
    """
    return fold_all(run, [(document, repeated)], known=known, bulks=bulks)


def fold_all(
    run: Run,
    documents: Arrived,
    *,
    known: Known = none_known,
    bulks: Bulks = no_bulks,
) -> Run:
    """Return the run with more documents, each with its repeated rows.

    The same run is returned where there are none. Who owns it and how long its lease
    lasts is left to the caller.

    Parameters
    ----------
    documents
        Events, if not in a bulk, are judged by their descriptor: it is to stand
        before them, or be in the run.
    known
        Asked for what stands neither in `documents` nor in the run's record.
    bulks
        Asked for those that came before a descriptor of theirs, to be judged by it.
    """
    folding = _Folding(run)
    for document, repeated in documents:
        folding.take(document, repeated)
    folding.judge_bulks(bulks)
    return folding.finished(known)


class _Folding:
    """Gathers what a batch of documents changes, to be put in place once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._count = 0
        self._descriptors: dict[str, str] = {}
        self._declared = run.declared
        self._devices: set[str] = set()
        self._events: dict[str, list[dict[str, Any]]] = {}
        self._growths: dict[str, Growth] = {}
        self._bulks: dict[str, list[Events]] = {}
        self._stream_resources: dict[str, str] = {}
        self._findings: set[Finding] = set()
        self._came: dict[DocumentName, set[str]] = {
            DocumentName.DATUM: set(),
            DocumentName.RESOURCE: set(),
        }
        self._named: dict[DocumentName, set[str]] = {
            DocumentName.DATUM: set(),
            DocumentName.RESOURCE: set(),
        }

    def take(self, document: Document | EventBatch, repeated: Collection[int]) -> None:
        if isinstance(document, EventBatch):
            self._take_batch(document)
            return
        self._count += 1
        self._takers[document.name](self, document, repeated)
        if document.name in _PAGES:
            self._findings.update(repeated_uids(document))
        if document.original:
            self._findings.update(legacy(document))

    def judge_bulks(self, bulks: Bulks) -> None:
        """Judge the events of `bulk_events` whose descriptor is here."""
        run, declared = self._run, self._declared
        if not self._bulks and not run.unjudged:
            return
        for uid, events in no_longer_waiting(run.unjudged, declared, bulks):
            self._judge(uid, Rows.of_events(events, declared[uid]), declared[uid])
        for uid, each in self._bulks.items():
            for events in each if uid in declared else ():
                self._judge(uid, Rows.of_events(events, declared[uid]), declared[uid])
        unjudged = still_waiting(run.unjudged, declared, self._bulks)
        self._run = replace(run, unjudged=unjudged)

    def finished(self, known: Known) -> Run:
        if not self._count:
            return self._run
        for descriptor, events in self._events.items():
            self._growth(descriptor).add_events(events)
            declared = self._declared.get(descriptor)
            if declared is not None:
                self._judge(descriptor, Rows.of_events(events, declared), declared)
        for growth in self._growths.values():
            self._findings.update(growth.findings)
        run = self._run
        if self._descriptors:
            run = _described(run, self._descriptors, self._declared, self._devices)
        run = replace(
            run,
            documents=run.documents + self._count,
            stream_resources={**run.stream_resources, **self._stream_resources},
            awaited=self._awaited(known),
        )
        return settled(_grown(run, self._growths), self._findings)

    def _take_start(self, document: Document, _: Collection[int]) -> None:
        body = document.body
        points = as_integer(body.get("num_points"))
        self._run = replace(
            self._run,
            start=document.raw,
            time=as_number(body["time"]),
            scan_id=as_integer(body.get("scan_id"), most=LARGEST),
            plan_name=as_text(body.get("plan_name")),
            num_points=points if points is not None and points > 0 else None,
        )
        self._findings.update(no_number(body))

    def _take_stop(self, document: Document, _: Collection[int]) -> None:
        body = document.body
        run = self._run = replace(self._run, stops=self._run.stops + 1)
        uid, time = body["uid"], as_number(body["time"])
        if run.stop_uid is not None:
            if _stop_rank(run.stop_time, run.stop_uid) <= _stop_rank(time, uid):
                if uid != run.stop_uid:
                    self._findings.add(second_stop(uid))
                return
            self._findings.add(second_stop(run.stop_uid))
        self._run = replace(
            run,
            stop=document.raw,
            stop_time=time,
            stop_uid=uid,
            exit_status=body["exit_status"],
            reason=body.get("reason", ""),
        )

    def _take_descriptor(self, document: Document, _: Collection[int]) -> None:
        body = document.body
        if not self._descriptors:
            self._declared = dict(self._declared)
        uid, data_keys = body["uid"], body["data_keys"]
        self._descriptors[uid] = body.get("name", "")
        self._declared[uid] = {key: _declared(each) for key, each in data_keys.items()}
        self._devices.update(body.get("object_keys", {}))

    def _take_event(self, document: Document, repeated: Collection[int]) -> None:
        if 0 not in repeated:
            body = document.body
            descriptor = body["descriptor"]
            events = self._events.get(descriptor)
            if events is None:
                events = self._events[descriptor] = []
            events.append(body)

    def _take_batch(self, batch: EventBatch) -> None:
        self._count += len(batch)
        descriptor = batch.descriptor
        growth = self._growth(descriptor)
        growth.add_rows(batch.uids, batch.seq_nums, batch.times, finite=True)
        declared = self._declared.get(descriptor)
        if declared is not None:
            self._judge(descriptor, Rows.of_batch(batch, declared), declared)

    def _take_event_page(self, document: Document, repeated: Collection[int]) -> None:
        body = document.body
        descriptor = body["descriptor"]
        self._growth(descriptor).add_page(body, repeated)
        self._findings.update(ragged_event_page(body))
        declared = self._declared.get(descriptor)
        if declared is not None:
            self._judge(descriptor, Rows.of_page(body, declared), declared)

    def _take_bulk_events(self, document: Document, repeated: Collection[int]) -> None:
        rows = bulk_rows(document.body)
        for descriptor, events in by_descriptor(rows).items():
            self._bulks.setdefault(descriptor, []).append(events)
        fresh = (row for place, row in enumerate(rows) if place not in repeated)
        for descriptor, events in by_descriptor(fresh).items():
            self._growth(descriptor).add_events(events)

    def _take_resource(self, document: Document, _: Collection[int]) -> None:
        self._came[DocumentName.RESOURCE].add(document.body["uid"])

    def _take_datums(self, document: Document, _: Collection[int]) -> None:
        self._came[DocumentName.DATUM].update(row_uids(document))
        self._named[DocumentName.RESOURCE].add(document.body["resource"])
        self._findings.update(ragged_datums(document))

    def _take_stream_resource(self, document: Document, _: Collection[int]) -> None:
        body = document.body
        self._stream_resources[body["uid"]] = body["data_key"]

    def _take_stream_datum(self, document: Document, _: Collection[int]) -> None:
        body = document.body
        self._findings.update(odd_ranges(body))
        first, stop = (as_integer(body["seq_nums"][end]) for end in ("start", "stop"))
        # An empty range all the same says that there is such a stream_resource.
        if first is None or stop is None:
            first = stop = 1
        growth = self._growth(body["descriptor"])
        growth.add_range(body["stream_resource"], first, stop)

    def _growth(self, descriptor: str) -> Growth:
        return self._growths.setdefault(descriptor, Growth())

    def _judge(
        self, descriptor: str, rows: Rows, declared: Mapping[str, DataKey]
    ) -> None:
        self._findings.update(rows.findings(descriptor, declared))
        self._named[DocumentName.DATUM].update(rows.datum_ids)

    def _awaited(self, known: Known) -> dict[str, str]:
        awaited = self._run.awaited
        for name, came in self._came.items():
            if awaited and came:
                awaited = {
                    uid: of
                    for uid, of in awaited.items()
                    if of != name.value or uid not in came
                }
            unknown = self._named[name] - came
            if unknown:
                unknown = unknown.difference(known(name, unknown))
            if unknown:
                every = sorted(
                    {**awaited, **dict.fromkeys(unknown, name.value)}.items()
                )
                awaited = dict(islice(every, _MOST_AWAITED))
        return awaited

    _takers: ClassVar[Mapping[DocumentName, Callable[..., None]]] = {
        DocumentName.START: _take_start,
        DocumentName.STOP: _take_stop,
        DocumentName.DESCRIPTOR: _take_descriptor,
        DocumentName.EVENT: _take_event,
        DocumentName.EVENT_PAGE: _take_event_page,
        DocumentName.BULK_EVENTS: _take_bulk_events,
        DocumentName.RESOURCE: _take_resource,
        DocumentName.DATUM: _take_datums,
        DocumentName.DATUM_PAGE: _take_datums,
        DocumentName.BULK_DATUM: _take_datums,
        DocumentName.STREAM_RESOURCE: _take_stream_resource,
        DocumentName.STREAM_DATUM: _take_stream_datum,
    }


def _declared(data_key: Mapping[str, Any]) -> DataKey:
    choices = data_key.get("choices", ())
    return DataKey(
        dtype=data_key["dtype"],
        external=data_key.get("external", ""),
        choices=tuple(choices) if len(choices) <= _MOST_CHOICES else (),
    )


def _described(
    run: Run,
    descriptors: Mapping[str, str],
    declared: dict[str, dict[str, DataKey]],
    devices: Collection[str],
) -> Run:
    """Return the run with more descriptors, and the streams that they make."""
    streams, unplaced = dict(run.streams), dict(run.unplaced)
    uids_of: dict[str, list[str]] = {}
    for uid, name in descriptors.items():
        uids_of.setdefault(name, []).append(uid)
    for name, uids in uids_of.items():
        waited = [unplaced.pop(uid) for uid in uids if uid in unplaced]
        stream = together(streams.get(name, Stream()), *waited)
        keys = chain.from_iterable(declared[uid] for uid in uids)
        streams[name] = replace(
            stream,
            # Nearly in order, as they are then, they are sorted soon.
            descriptors=tuple(dict.fromkeys(sorted([*stream.descriptors, *uids]))),
            data_keys=tuple(sorted({*stream.data_keys, *keys})),
        )
    return replace(
        run,
        descriptors={**run.descriptors, **descriptors},
        streams=streams,
        declared=declared,
        unplaced=unplaced,
        devices=tuple(sorted({*run.devices, *devices})),
    )


def _stop_rank(time: float | None, uid: str) -> tuple[float, str]:
    return (math.inf if time is None else time, uid)


def _grown(run: Run, growths: Mapping[str, Growth]) -> Run:
    if not growths:
        return run
    streams, unplaced = dict(run.streams), dict(run.unplaced)
    more: dict[str, list[Stream]] = {}
    for descriptor, growth in growths.items():
        name = run.descriptors.get(descriptor)
        if name is None:
            there = unplaced.get(descriptor, Stream())
            unplaced[descriptor] = together(there, growth.as_stream())
        else:
            more.setdefault(name, []).append(growth.as_stream())
    for name, each in more.items():
        streams[name] = together(streams[name], *each)
    return replace(run, streams=streams, unplaced=unplaced)
