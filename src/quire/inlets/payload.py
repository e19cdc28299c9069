"""What buses carry, recognised by its first bytes: JSON, MessagePack, never pickle.

Pickle is recognised only to say so: reading it runs whatever its sender likes.
"""

from typing import Any

import jiter
import msgspec

from quire.documents.names import DocumentName
from quire.documents.packed import Unpackable, as_json, unpack
from quire.documents.pointer import showable
from quire.ports.inlet import Item

PICKLE = (
    "this is pickle, which is never read because reading it runs what its sender "
    "likes: publish JSON or MessagePack"
)
_NAMES = frozenset(name.value for name in DocumentName)
_NEITHER = "neither JSON nor MessagePack"
_WHITE = b" \t\r\n"
_ARRAYS = frozenset((*range(0x90, 0xA0), 0xDC, 0xDD))
_MAPS = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))


class Unreadable(ValueError):
    """What came is no item."""


def pair_item(payload: bytes, place: str) -> Item:
    """Return the item of a message that holds name and document.

    As bluesky-kafka packs them, ``[name, document]``, or as a map with both.
    """
    return _item(place, payload, lambda: _pair(payload))


def named_item(name: bytes, payload: bytes, *, place: str, raw: bytes) -> Item:
    """Return the item of a message with the document behind its name.

    Parameters
    ----------
    raw
        The whole message.
    """
    return _item(place, raw, lambda: _named(name, payload))


def is_pickle(payload: bytes) -> bool:
    """Return whether it begins and ends as a pickle of a document or a tuple does.

    Protocols 2 to 5 begin with the opcode PROTO and their number; older ones with
    MARK, EMPTY_DICT, EMPTY_TUPLE or EMPTY_LIST, with which neither JSON nor a map or
    array of MessagePack begins. All end with STOP (Python's ``pickletools``).
    """
    if payload[:1] == b"\x80" and payload[1:2] and payload[1] <= 5:  # noqa: PLR2004
        return True
    return payload[:1] in (b"(", b"}", b")", b"]") and payload[-1:] == b"."


def _item(place: str, raw: bytes, line: Any) -> Item:
    try:
        return Item(place=place, line=line(), raw=raw)
    except (Unreadable, Unpackable) as problem:
        return Item(place=place, fault=showable(str(problem)), raw=raw)


def _pair(payload: bytes) -> bytes:
    if is_pickle(payload):
        raise Unreadable(PICKLE)
    if payload[:1] and payload[0] in _ARRAYS | _MAPS:
        return as_json(unpack(payload))
    if payload.lstrip(_WHITE)[:1] in (b"[", b"{"):
        return _one_line(payload)
    raise Unreadable(_NEITHER)


def _named(name: bytes, payload: bytes) -> bytes:
    if is_pickle(payload):
        raise Unreadable(PICKLE)
    try:
        text = name.decode()
    except UnicodeDecodeError:
        raise Unreadable("the document's name is no UTF-8") from None
    quoted = msgspec.json.encode(text)
    if payload[:1] and payload[0] in _MAPS:
        return b"[" + quoted + b"," + as_json(unpack(payload)) + b"]"
    if payload.lstrip(_WHITE)[:1] == b"{":
        return b"[" + quoted + b"," + _one_line(payload) + b"]"
    raise Unreadable(_NEITHER)


def _one_line(payload: bytes) -> bytes:
    """Return JSON without line breaks; outside of strings they mean nothing."""
    if b"\n" not in payload and b"\r" not in payload:
        return payload
    try:
        jiter.from_json(payload, allow_inf_nan=True)
    except ValueError as problem:
        raise Unreadable(f"not JSON: {problem}") from None
    return payload.replace(b"\n", b" ").replace(b"\r", b" ")
