"""Events that came one behind another and are alike, read and judged as one.

What a stream sends differs from event to event in its values alone. So the first of
many tells how the others look, and msgspec reads them against types made from it: a
third of the time and a fraction of the objects that one mapping an event costs, and no
event is looked at by itself again before it is stored.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal

import jiter
import msgspec

from quire.documents.counting import count
from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.documents.typed import EVENT_BEGINS, WHITE, nests_deep, read_rows

# For fewer the types do not pay.
_FEWEST = 8
_MOST_KEYS, _MOST_CHARACTERS = 100, 10_000
_FIELD = re.compile(r'[^\\"\x00-\x1f]+')
_OWN_KEYS = ("uid", "descriptor", "seq_num", "time", "data", "timestamps")
_NUMBER = int | float | None
_NUMBERS = frozenset({int, float})
_INTEGERS = frozenset({int})
_EVENT, _UID, _DESCRIPTOR = map(attrgetter, ("event", "uid", "descriptor"))
_SEQ_NUM, _TIME, _FILLED = map(attrgetter, ("seq_num", "time", "filled"))


class EventBatch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Sound events of one descriptor that all have the same data keys.

    Their timestamps have these keys, too, and nothing of them was `filled`.

    Attributes
    ----------
    name
        ``event``, or ``event_page``.
    raws
        The bytes of each event, or of the one page that holds them.
    numeric
        Data keys under which nothing but numbers and nulls came.
    """

    name: DocumentName
    descriptor: str
    raws: Sequence[bytes]
    uids: Sequence[str]
    seq_nums: Sequence[int]
    times: Sequence[int | float]
    data: Mapping[str, Sequence[Any]]
    numeric: frozenset[str]

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


def read_batch(texts: Sequence[bytes], whole: bytes) -> EventBatch | None:
    """Return many events, if all of them are sound and alike.

    Parameters
    ----------
    texts
        Items, each of which begins as an event does.
    whole
        All of them, with nothing but white space between.
    """
    first = read_rows(texts[0]) if len(texts) >= _FEWEST else None
    if first is None:
        return None
    data, stamps = first.body["data"], first.body["timestamps"]
    keys = tuple(data)
    if not _can_be_fields(keys) or data.keys() != stamps.keys():
        return None
    numeric = tuple(type(value) in _NUMBERS for value in data.values())
    try:
        events = list(map(_EVENT, map(_decoder(keys, numeric).decode, texts)))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    seq_nums: list[Any] = list(map(_SEQ_NUM, events))
    if (
        _has_more_keys(whole, events, len(keys))
        or len(set(map(_DESCRIPTOR, events))) > 1
        or not _INTEGERS.issuperset(map(type, seq_nums))
        or (not all(numeric) and any(map(nests_deep, texts)))
    ):
        return None
    begin = len(EVENT_BEGINS)
    return EventBatch(
        name=DocumentName.EVENT,
        descriptor=first.body["descriptor"],
        raws=[text[begin:-1].strip(WHITE) for text in texts],
        uids=list(map(_UID, events)),
        seq_nums=seq_nums,
        times=list(map(_TIME, events)),
        data=_Columns(events, keys),
        numeric=frozenset(
            key for key, alone in zip(keys, numeric, strict=True) if alone
        ),
    )


def _can_be_fields(keys: Sequence[str]) -> bool:
    """Return whether msgspec takes these names for fields, and they are not too many."""
    return (
        0 < len(keys) <= _MOST_KEYS
        and sum(map(len, keys)) <= _MOST_CHARACTERS
        and all(map(_FIELD.fullmatch, keys))
    )


def _has_more_keys(whole: bytes, events: Sequence[Any], keys: int) -> bool:
    """Return whether a key was repeated, or a text holds a colon, which hides it.

    None has fewer colons than keys, so that with as many in all each has as many.
    """
    expected = len(events) * (len(_OWN_KEYS) + 2 * keys)
    expected += list(map(type, map(_FILLED, events))).count(_Nothing)
    return count(whole, b":") != expected


@lru_cache(maxsize=64)
def _decoder(
    keys: tuple[str, ...], numeric: tuple[bool, ...]
) -> msgspec.json.Decoder[Any]:
    """Return what reads items with events that have these data keys and no other.

    Parameters
    ----------
    numeric
        Which of them hold numbers; the others may hold anything.
    """
    fields = [f"f{place}" for place in range(len(keys))]
    rename = dict(zip(fields, keys, strict=True))

    def table(kinds: Sequence[Any]) -> type[msgspec.Struct]:
        return msgspec.defstruct(
            "Table",
            list(zip(fields, kinds, strict=True)),
            rename=rename,
            forbid_unknown_fields=True,
            gc=False,
        )

    event = msgspec.defstruct(
        "Event",
        [
            ("uid", str),
            ("descriptor", str),
            ("seq_num", int | float),
            ("time", int | float),
            ("data", table([_NUMBER if alone else Any for alone in numeric])),
            ("timestamps", table([_NUMBER] * len(keys))),
            ("filled", _Nothing | msgspec.UnsetType, msgspec.UNSET),
        ],
        forbid_unknown_fields=True,
        gc=False,
    )
    item = msgspec.defstruct(
        "Item",
        [("name", Literal["event"]), ("event", event)],
        array_like=True,
        forbid_unknown_fields=True,
        gc=False,
    )
    return msgspec.json.Decoder(item)


class _Nothing(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object without members."""
