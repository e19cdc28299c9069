"""The fold: documents into the run that they make.

The final run does not depend on the order in which documents come (P5 of
``reference/reliability.md``). What documents disagree on is settled by the documents:
of several stops the earliest `time`, then the smallest uid, is effective.
"""

import math
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from quire.documents.document import Document
from quire.documents.identity import bulk_rows
from quire.documents.names import DocumentName
from quire.runs.findings import (
    backward_range,
    data_keys_differ,
    odd_seq_num,
    ragged,
    second_stop,
    settled,
    timestamps_differ,
)
from quire.runs.growth import Growth, together
from quire.runs.run import Finding, Run, Stream
from quire.runs.values import LARGEST, as_integer, as_number, as_text

_PAGE_COLUMNS = ("seq_num", "time")
_PAGE_TABLES = ("data", "timestamps", "filled")


def fold(run: Run, document: Document, repeated: Container[int] = ()) -> Run:
    """Return the run with one more document.

    Parameters
    ----------
    repeated
        Places of rows that the run has already.
    """
    return fold_all(run, [(document, repeated)])


def fold_all(run: Run, documents: Iterable[tuple[Document, Container[int]]]) -> Run:
    """Return the run with more documents, each with its repeated rows.

    The same run is returned where there are none. Who owns it and how long its lease
    lasts is left to the caller.
    """
    folding = _Folding(run)
    for document, repeated in documents:
        folding.take(document, repeated)
    return folding.finished()


class _Folding:
    """Gathers what a batch of documents changes, to be put in place once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._count = 0
        self._growths: dict[str, Growth] = {}
        self._expected: dict[str, frozenset[str]] = {}
        self._findings: set[Finding] = set()
        self._takers: Mapping[
            DocumentName, Callable[[Document, Container[int]], None]
        ] = {
            DocumentName.START: self._take_start,
            DocumentName.STOP: self._take_stop,
            DocumentName.DESCRIPTOR: self._take_descriptor,
            DocumentName.EVENT: self._take_event,
            DocumentName.EVENT_PAGE: self._take_event_page,
            DocumentName.BULK_EVENTS: self._take_bulk_events,
            DocumentName.STREAM_DATUM: self._take_stream_datum,
        }

    def take(self, document: Document, repeated: Container[int]) -> None:
        self._count += 1
        taker = self._takers.get(document.name)
        if taker is not None:
            taker(document, repeated)

    def finished(self) -> Run:
        if not self._count:
            return self._run
        run = replace(self._run, documents=self._run.documents + self._count)
        run = _grown(run, self._growths)
        return replace(run, findings=settled(run, self._findings))

    def _take_start(self, document: Document, _: Container[int]) -> None:
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

    def _take_stop(self, document: Document, _: Container[int]) -> None:
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

    def _take_descriptor(self, document: Document, _: Container[int]) -> None:
        run, body = self._run, document.body
        uid, name = body["uid"], body.get("name", "")
        data_keys = body["data_keys"]
        streams = run.streams
        stream = streams.get(name, Stream())
        stream = replace(
            stream,
            descriptors=tuple(sorted({*stream.descriptors, uid})),
            data_keys=tuple(sorted({*stream.data_keys, *data_keys})),
        )
        waiting = run.unplaced.get(uid)
        if waiting is not None:
            stream = together(stream, waiting)
        expected = sorted(k for k, each in data_keys.items() if not _streamed(each))
        self._run = replace(
            run,
            descriptors={**run.descriptors, uid: name},
            streams={**streams, name: stream},
            expected_keys={**run.expected_keys, uid: tuple(expected)},
            unplaced={k: v for k, v in run.unplaced.items() if k != uid},
        )

    def _take_event(self, document: Document, repeated: Container[int]) -> None:
        body = document.body
        descriptor = body["descriptor"]
        self._check_keys(descriptor, body["data"], body["timestamps"])
        if 0 not in repeated:
            self._add(descriptor, body["uid"], body["seq_num"], body["time"])

    def _take_event_page(self, document: Document, repeated: Container[int]) -> None:
        body = document.body
        descriptor, uids = body["descriptor"], body["uid"]
        self._check_keys(descriptor, body["data"], body["timestamps"])
        columns = {name: body[name] for name in _PAGE_COLUMNS} | {
            f"{table}/{key}": column
            for table in _PAGE_TABLES
            for key, column in body.get(table, {}).items()
        }
        if any(len(column) != len(uids) for column in columns.values()):
            first = uids[0] if uids else ""
            self._findings.update(ragged(first, len(uids), columns))
        rows = zip(uids, body["seq_num"], body["time"], strict=False)
        for place, (uid, seq_num, time) in enumerate(rows):
            if place not in repeated:
                self._add(descriptor, uid, seq_num, time)

    def _take_bulk_events(self, document: Document, repeated: Container[int]) -> None:
        # Keys are not checked: descriptors of a bulk may still be on their way.
        for place, event in enumerate(bulk_rows(document.body)):
            if place not in repeated:
                self._add(
                    event["descriptor"], event["uid"], event["seq_num"], event["time"]
                )

    def _take_stream_datum(self, document: Document, _: Container[int]) -> None:
        body = document.body
        first, stop = (as_integer(body["seq_nums"][end]) for end in ("start", "stop"))
        if first is None or stop is None:
            self._findings.add(odd_seq_num(body["uid"], body["seq_nums"]))
        elif stop < first:
            self._findings.add(backward_range(body["uid"]))
        else:
            self._growth(body["descriptor"]).ranges.append((first, stop - 1))

    def _add(self, descriptor: str, uid: str, seq_num: Any, time: Any) -> None:
        growth = self._growths.get(descriptor) or self._growth(descriptor)
        growth.events += 1
        number = seq_num if type(seq_num) is int else as_integer(seq_num)
        if number is None or as_integer(number) is None:
            self._findings.add(odd_seq_num(uid, seq_num))
        else:
            growth.numbers.append(number)
        seconds = as_number(time)
        if seconds is not None:
            growth.times.append(seconds)

    def _growth(self, descriptor: str) -> Growth:
        return self._growths.setdefault(descriptor, Growth())

    def _check_keys(
        self, descriptor: str, data: Mapping[str, Any], timestamps: Mapping[str, Any]
    ) -> None:
        expected = self._expected.get(descriptor)
        if expected is None:
            keys = self._run.expected_keys.get(descriptor)
            if keys is None:
                return
            expected = self._expected[descriptor] = frozenset(keys)
        if data.keys() != expected:
            self._findings.update(data_keys_differ(descriptor, expected, data))
        if timestamps.keys() != data.keys():
            self._findings.add(timestamps_differ(descriptor))


def _stop_rank(time: float | None, uid: str) -> tuple[float, str]:
    return (math.inf if time is None else time, uid)


def _streamed(data_key: Mapping[str, Any]) -> bool:
    return str(data_key.get("external", "")).startswith("STREAM:")


def _grown(run: Run, growths: Mapping[str, Growth]) -> Run:
    if not growths:
        return run
    streams, unplaced = dict(run.streams), dict(run.unplaced)
    for descriptor, growth in growths.items():
        name = run.descriptors.get(descriptor)
        if name is None:
            there = unplaced.get(descriptor, Stream())
            unplaced[descriptor] = together(there, growth.as_stream())
        else:
            streams[name] = together(streams[name], growth.as_stream())
    return replace(run, streams=streams, unplaced=unplaced)
