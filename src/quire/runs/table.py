"""One stream as columns, rewinds resolved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from quire.documents.document import Document
from quire.documents.identity import bulk_rows, row
from quire.documents.names import DocumentName as Name
from quire.runs.values import as_integer, as_number

_EVENTS = frozenset({Name.EVENT, Name.EVENT_PAGE, Name.BULK_EVENTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One stream, one row a sequence number, in their order.

    Attributes
    ----------
    seq_num, time
        Of each row; time in Unix seconds.
    data, timestamps
        By data key, as long as `seq_num`; None where an event lacks the key.
    data_keys
        What the descriptors say of each key: dtype, shape, units, source.
    """

    seq_num: list[int]
    time: list[float]
    data: dict[str, list[Any]]
    timestamps: dict[str, list[Any]]
    data_keys: dict[str, Any] = field(default_factory=dict)

    def part(
        self,
        *,
        after: int | None = None,
        limit: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> "Table":
        """Return the rows behind a sequence number, `limit` of them, some columns."""
        begin = 0
        if after is not None:
            begin = sum(1 for number in self.seq_num if number <= after)
        rows = slice(begin, None if limit is None else begin + limit)
        names = [key for key in self.data if columns is None or key in columns]
        return Table(
            seq_num=self.seq_num[rows],
            time=self.time[rows],
            data={key: self.data[key][rows] for key in names},
            timestamps={key: self.timestamps[key][rows] for key in names},
            data_keys={key: self.data_keys.get(key, {}) for key in names},
        )


def stream_table(
    stream: str, documents: Iterable[tuple[Document, tuple[int, ...]]]
) -> Table:
    """Return the column view of one stream.

    Of several rows with one sequence number the one with the greatest time counts,
    then the one with the greatest uid (bluesky issue 117). A number beyond 2**53 has
    no row. Data that is external in a stream (``STREAM:``) has no column.

    Parameters
    ----------
    documents
        The run's documents in any order, each with the places of repeated rows.
    """
    everything = list(documents)
    described = _descriptors(stream, everything)
    newest: dict[int, dict[str, Any]] = {}
    for document, repeated in everything:
        for event in _rows(document, repeated):
            if event["descriptor"] not in described:
                continue
            number = as_integer(event["seq_num"])
            held = None if number is None else newest.get(number)
            if number is not None and (held is None or _age(event) > _age(held)):
                newest[number] = event
    numbers = sorted(newest)
    events = [newest[number] for number in numbers]
    keys = _keys(described.values(), events)
    return Table(
        seq_num=numbers,
        time=[as_number(event["time"]) or 0.0 for event in events],
        data={key: [event["data"].get(key) for event in events] for key in keys},
        timestamps={
            key: [event["timestamps"].get(key) for event in events] for key in keys
        },
        data_keys=keys,
    )


def _keys(
    described: Iterable[dict[str, Any]], events: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """Return what is known of each key that events should have, or do have."""
    declared = {key: one for keys in described for key, one in keys.items()}
    sent = dict.fromkeys(key for event in events for key in event["data"])
    return {
        key: one
        for key, one in declared.items()
        if key in sent or not str(one.get("external", "")).startswith("STREAM:")
    } | {key: {} for key in sent if key not in declared}


def _age(event: dict[str, Any]) -> tuple[float, str]:
    return event["time"], event["uid"]


def _descriptors(
    stream: str, documents: Iterable[tuple[Document, tuple[int, ...]]]
) -> dict[str, dict[str, Any]]:
    return {
        document.body["uid"]: document.body["data_keys"]
        for document, _ in documents
        if document.name is Name.DESCRIPTOR and document.body.get("name", "") == stream
    }


def _rows(document: Document, repeated: tuple[int, ...]) -> Iterable[dict[str, Any]]:
    if document.name not in _EVENTS:
        return ()
    match document.name:
        case Name.EVENT:
            count = 1
        case Name.EVENT_PAGE:
            columns = ("uid", "seq_num", "time")
            count = min(len(document.body[name]) for name in columns)
        case _:
            count = len(bulk_rows(document.body))
    return [row(document, place) for place in range(count) if place not in repeated]
