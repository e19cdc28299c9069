"""The fold: a run and its further documents give the run.

The result does not depend on the order or the grouping of the documents, but that a
descriptor must have come before what refers to it (the caller holds back the rest).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from quire.documents.document import Document
from quire.documents.identity import bulk_events
from quire.documents.names import DocumentName as Name
from quire.runs.findings import ragged_page, sequence_gaps, two_stops, unequal_keys
from quire.runs.intervals import union
from quire.runs.run import Finding, Run, Stream

Folded = tuple[Document, tuple[int, ...]]
_OF_STATE = frozenset({"sequence_gap", "two_stops"})


@dataclass(slots=True)
class _Rows:
    """What one batch adds to one stream."""

    numbers: list[tuple[int, int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    events: int = 0


def fold(run: Run, document: Document, repeated: tuple[int, ...] = ()) -> Run:
    """Return the run with one more document; see `fold_all`."""
    return fold_all(run, [(document, repeated)])


def fold_all(run: Run, documents: Iterable[Folded]) -> Run:
    """Return the run with further documents.

    Parameters
    ----------
    documents
        Each with the places of its rows that the run has already.

    Raises
    ------
    KeyError
        An event's descriptor has not come yet.
    """
    rows: dict[str, _Rows] = {}
    findings: list[Finding] = []
    count = 0
    for document, repeated in documents:
        count += 1
        findings += ragged_page(document) + unequal_keys(document)
        match document.name:
            case Name.START:
                run = _with_start(run, document)
            case Name.STOP:
                run = _with_stop(run, document)
            case Name.DESCRIPTOR:
                run = _with_descriptor(run, document)
            case _:
                _collect(run, document, repeated, rows)
    if not count:
        return run
    streams = dict(run.streams)
    for name, more in rows.items():
        streams[name] = _with_rows(streams.get(name, Stream()), more)
    run = replace(run, streams=streams, documents=run.documents + count)
    return replace(run, findings=_findings(run, findings))


def _findings(run: Run, more: Iterable[Finding]) -> tuple[Finding, ...]:
    kept = {finding for finding in run.findings if finding.rule not in _OF_STATE}
    of_state = sequence_gaps(run) + two_stops(run, run.stops)
    return tuple(sorted({*kept, *more, *of_state}))


def _with_start(run: Run, document: Document) -> Run:
    body = document.body
    return replace(
        run,
        start=document.raw,
        time=_number(body.get("time")),
        scan_id=_integer(body.get("scan_id")),
        plan_name=_text(body.get("plan_name")),
        num_points=_integer(body.get("num_points")),
    )


def _with_stop(run: Run, document: Document) -> Run:
    run = replace(run, stops=run.stops + 1)
    time, uid = float(document.body["time"]), str(document.body["uid"])
    if run.stop_time is not None and (run.stop_time, run.stop_uid or "") <= (time, uid):
        return run
    return replace(
        run,
        stop=document.raw,
        stop_time=time,
        stop_uid=uid,
        exit_status=document.body["exit_status"],
        reason=_text(document.body.get("reason")) or "",
    )


def _with_descriptor(run: Run, document: Document) -> Run:
    name, uid = str(document.body.get("name", "")), str(document.body["uid"])
    stream = run.streams.get(name, Stream())
    stream = replace(
        stream,
        descriptors=tuple(sorted({*stream.descriptors, uid})),
        data_keys=tuple(sorted({*stream.data_keys, *document.body["data_keys"]})),
    )
    return replace(
        run,
        descriptors={**run.descriptors, uid: name},
        streams={**run.streams, name: stream},
    )


def _collect(
    run: Run, document: Document, repeated: tuple[int, ...], rows: dict[str, _Rows]
) -> None:
    if document.name is Name.STREAM_DATUM:
        numbers = document.body["seq_nums"]
        name = run.descriptors[document.body["descriptor"]]
        span = (int(numbers["start"]), int(numbers["stop"]) - 1)
        rows.setdefault(name, _Rows()).numbers.append(span)
        return
    for place, (descriptor, number, time) in enumerate(_event_rows(document)):
        if place in repeated:
            continue
        more = rows.setdefault(run.descriptors[descriptor], _Rows())
        more.numbers.append((int(number), int(number)))
        more.events += 1
        if (known := _number(time)) is not None:
            more.times.append(known)


def _event_rows(document: Document) -> Iterator[tuple[str, Any, Any]]:
    body = document.body
    match document.name:
        case Name.EVENT:
            yield body["descriptor"], body["seq_num"], body["time"]
        case Name.EVENT_PAGE:
            for number, time in zip(body["seq_num"], body["time"], strict=False):
                yield body["descriptor"], number, time
        case Name.BULK_EVENTS:
            for event in bulk_events(body):
                yield event["descriptor"], event["seq_num"], event["time"]
        case _:
            return


def _with_rows(stream: Stream, more: _Rows) -> Stream:
    times = more.times + [
        time for time in (stream.first_time, stream.last_time) if time is not None
    ]
    return replace(
        stream,
        seq_nums=union(stream.seq_nums, more.numbers),
        events=stream.events + more.events,
        first_time=min(times, default=None),
        last_time=max(times, default=None),
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number - number == 0 else None


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # What is searched is held in 64 bits; the document keeps all of it.
    return value if isinstance(value, int) and -(2**63) <= value < 2**63 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
