"""Events that came one behind another and are alike, read and judged as one.

What a stream sends differs from event to event in its values alone. So the first of
many tells how the others look, and msgspec reads them against types made from it: a
third of the time and a fraction of the objects that one mapping an event costs, and no
event is looked at by itself again before it is stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

import jiter
import msgspec

from quire.documents.document import Document
from quire.documents.event_form import EventForm
from quire.documents.names import DocumentName
from quire.documents.typed import EVENT_BEGINS

# For fewer the types do not pay.
_FEWEST = 8
_LINE_END = ord("\n")
_UID, _SEQ_NUM, _TIME = map(attrgetter, ("uid", "seq_num", "time"))


class EventBatch(msgspec.Struct, frozen=True, kw_only=True, gc=False, eq=False):
    """Sound events of one descriptor that all have the same data keys.

    Their timestamps have these keys, too, and nothing of them was `filled`.

    Attributes
    ----------
    name
        ``event``, or ``event_page``.
    text
        In which the bytes of each event stand, or of the one page that holds them.
    begins, ends
        Where in the text each of these begins and ends: arrays of integers.
    seq_nums
        Integers of any size.
    times
        Unix seconds, finite.
    numeric
        Data keys under which nothing but numbers and nulls came.
    """

    name: DocumentName
    descriptor: str
    text: bytes
    begins: Any
    ends: Any
    uids: Sequence[str]
    seq_nums: Sequence[int]
    times: Sequence[int | float]
    data: Mapping[str, Sequence[Any]]
    numeric: frozenset[str]

    def __len__(self) -> int:
        """How many documents it is: events, or one page."""
        return len(self.begins)

    @property
    def raws(self) -> list[bytes]:
        """The bytes of each event, or of the one page that holds them."""
        spans = zip(self.begins.tolist(), self.ends.tolist(), strict=True)
        return [self.text[begin:end] for begin, end in spans]

    def documents(self) -> list[Document]:
        """Return each event, or the page, by itself."""
        return [
            Document(
                name=self.name,
                body=jiter.from_json(raw, allow_inf_nan=True),
                raw=raw,
                sound=True,
            )
            for raw in self.raws
        ]


class _Columns(Mapping[str, Sequence[Any]]):
    """The values of events by data key, gathered when they are asked for."""

    def __init__(self, events: Sequence[Any], keys: Sequence[str]) -> None:
        self._events = events
        self._fields = {key: f"data.f{place}" for place, key in enumerate(keys)}

    def __getitem__(self, key: str) -> Sequence[Any]:
        return list(map(attrgetter(self._fields[key]), self._events))

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def read_batch(lines: bytes) -> EventBatch | None:
    """Return many events, if all of them are sound and alike.

    Parameters
    ----------
    lines
        Items, one a line; the last line may lack its end. Spaces around an item, empty
        lines and what is no event are for others to read.
    """
    second = lines.find(b"\n") + 1
    # Most that is sent is but a few events: known without counting them.
    few = not 0 < second * (_FEWEST - 2) < len(lines)
    if few or not lines.startswith(EVENT_BEGINS):
        return None
    spans, form = _spans(lines), EventForm.of(lines[:second])
    events = None if spans is None or form is None else form.read(lines)
    if spans is None or form is None or events is None or len(events) != len(spans[0]):
        return None
    return EventBatch(
        name=DocumentName.EVENT,
        descriptor=events[0].descriptor,
        text=lines,
        begins=spans[0],
        ends=spans[1],
        uids=list(map(_UID, events)),
        seq_nums=list(map(_SEQ_NUM, events)),
        times=list(map(_TIME, events)),
        data=_Columns(events, form.keys),
        numeric=frozenset(
            key for key, alone in zip(form.keys, form.numeric, strict=True) if alone
        ),
    )


def _spans(lines: bytes) -> tuple[Any, Any] | None:
    """Return where the second elements of items begin and end, if all stand alike.

    That each line is an item then follows from their number: no value of JSON has a
    bracket that closes, a line's end and a bracket that opens behind one another.
    """
    # Here: runners never come by.
    import numpy as np

    text = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(text == _LINE_END)
    if not lines.endswith(b"\n"):
        ends = np.append(ends, len(lines))
    if len(ends) < _FEWEST:
        return None
    begins = np.empty_like(ends)
    begins[0] = 0
    begins[1:] = ends[:-1] + 1
    lead = lines.find(b"{")
    # What is shorter than an event is none, and would have us look at its neighbours.
    if int((ends - begins).min()) <= lead + 2 or any(
        text[places].tobytes().strip(sign)
        for places, sign in (
            (begins, b"["),
            (begins + lead, b"{"),
            (ends - 2, b"}"),
            (ends - 1, b"]"),
        )
    ):
        return None
    return begins + lead, ends - 1
