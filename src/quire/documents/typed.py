"""Events and event pages read and judged in one go, where nothing about them is odd.

They are nearly all that comes. msgspec reads one against its types in half the time
that a parser and a schema's validator take. It does not tell a repeated or an unknown
key, and it refuses NaN; so whatever is not beyond doubt is left to the thorough way,
which says what is wrong.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Literal, NotRequired, TypedDict

import msgspec

from quire.documents.counting import count
from quire.documents.document import Document
from quire.documents.names import DocumentName

EVENT_BEGINS = b'["event",'
WHITE = b" \t\r\n"
Number = int | float


class _Event(TypedDict):
    """An event, as its schema has it; `seq_num` may be written 1.0 there."""

    uid: str
    descriptor: str
    seq_num: Number
    time: Number
    data: dict[str, Any]
    timestamps: dict[str, Any]
    filled: NotRequired[dict[str, bool | str]]


class _EventPage(TypedDict):
    """An event page, as its schema has it."""

    uid: list[str]
    descriptor: str
    seq_num: list[Number]
    time: list[Number]
    data: dict[str, list[Any]]
    timestamps: dict[str, list[Any]]
    filled: NotRequired[dict[str, list[bool | str]]]


_EVENT = msgspec.json.Decoder(tuple[Literal["event"], _Event]).decode
_PAGE = msgspec.json.Decoder(tuple[Literal["event_page"], _EventPage]).decode
_SECOND, _DATA, _STAMPS = itemgetter(1), itemgetter("data"), itemgetter("timestamps")
# With more of them it may be nested deeper than the parser goes: 200 levels.
_MOST_ARRAYS = 190
_INTEGERS = frozenset({int})
_BODY_BEGINS = len(EVENT_BEGINS)
_EVENT_NAME, _PAGE_NAME = DocumentName.EVENT, DocumentName.EVENT_PAGE


def is_event(text: bytes) -> bool:
    """Return whether an item begins as a plain event does."""
    return text.startswith(EVENT_BEGINS)


def nests_deep(text: bytes) -> bool:
    """Return whether a sound item may be nested deeper than the parser goes."""
    return count(text, b"[") > _MOST_ARRAYS


def read_events(texts: Sequence[bytes]) -> list[Document] | None:
    """Return many events, if all of them are sound: as `read_rows`, for half.

    Parameters
    ----------
    texts
        Items, each of which begins as an event does.
    """
    try:
        bodies: list[Any] = list(map(_SECOND, map(_EVENT, texts)))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    keys = sum(map(len, bodies))
    keys += sum(map(len, map(_DATA, bodies))) + sum(map(len, map(_STAMPS, bodies)))
    keys += sum([len(body["filled"]) for body in bodies if "filled" in body])
    whole = b"".join(texts)
    # None has fewer colons than keys, so that with as many in all each has as many.
    if count(whole, b":") != keys or not _INTEGERS.issuperset(
        [type(body["seq_num"]) for body in bodies]
    ):
        return None
    if count(whole, b"[") > len(texts) and any(map(nests_deep, texts)):
        return None
    return [
        Document(
            name=_EVENT_NAME,
            body=body,
            raw=text[_BODY_BEGINS:-1].strip(WHITE),
            sound=True,
        )
        for text, body in zip(texts, bodies, strict=True)
    ]


def read_rows(text: bytes) -> Document | None:
    """Return the sound event or event page of an item, None for all else.

    Parameters
    ----------
    text
        An item ``[name, document]``; what is no JSON is for others to tell.

    Returns
    -------
    Document or None
        With the same value that `quire.documents.reading.parse` gives it.
    """
    body: Any
    try:
        if text.startswith(EVENT_BEGINS):
            name, body = _EVENT_NAME, _EVENT(text)[1]
            plain = type(body["seq_num"]) is int
        elif text.startswith(b'["event_page",'):
            name, body = _PAGE_NAME, _PAGE(text)[1]
            plain = set(map(type, body["seq_num"])) <= _INTEGERS
        else:
            return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    keys = len(body) + len(body["data"]) + len(body["timestamps"])
    if "filled" in body:
        keys += len(body["filled"])
    # A colon for each key, and no other: no key was repeated, unknown or nested.
    if not plain or count(text, b":") != keys or nests_deep(text):
        return None
    raw = text[text.index(b"{") : text.rindex(b"}") + 1]
    return Document(name=name, body=body, raw=raw, sound=True)
