"""Event pages read and judged by their columns, without a value for each number.

A column of numbers is checked as text: msgspec has seen that it is JSON, and which
characters it has tells the rest. What people ask of its values is answered when they do.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import jiter
import msgspec
import numpy as np

from quire.documents.batch import EventBatch
from quire.documents.counting import count
from quire.documents.names import DocumentName
from quire.documents.typed import nests_deep

PAGE_BEGINS = b'["event_page",'
_OWN_KEYS = 6
# What numbers are written with, and what may stand around them.
_OF_NUMBERS = b"0123456789+-.eE \t\r\n"
# The parser takes no integer of 4,300 digits: none spans two such parts.
_LONGEST_NUMBER = 2000


class _Page(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    uid: list[str]
    descriptor: str
    # That an integer may be written 1.0 is known elsewhere.
    seq_num: list[int]
    time: list[int | float]
    data: dict[str, msgspec.Raw]
    timestamps: dict[str, msgspec.Raw]
    filled: dict[str, msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


class _Item(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    name: Literal["event_page"]
    page: _Page


_DECODE = msgspec.json.Decoder(_Item).decode


class _Columns(Mapping[str, Sequence[Any]]):
    """Columns by data key, parsed when they are asked for."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts

    def __getitem__(self, key: str) -> Sequence[Any]:
        column: list[Any] = jiter.from_json(self._texts[key], allow_inf_nan=True)
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def read_page(text: bytes) -> EventBatch | None:
    """Return the rows of an event page, if it is sound and all columns are as long.

    Parameters
    ----------
    text
        An item ``[name, document]``; what is no JSON is for others to tell.

    Returns
    -------
    EventBatch or None
        None also for a page of one row, of which nothing is to be gained.
    """
    if not text.startswith(PAGE_BEGINS):
        return None
    try:
        page = _DECODE(text).page
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    rows, data = len(page.uid), {key: bytes(raw) for key, raw in page.data.items()}
    if not _is_regular(page, rows) or count(text, b":") != _keys(page):
        return None
    numeric = frozenset(key for key, one in data.items() if are_numbers(one, rows))
    odd = [one for key, one in data.items() if key not in numeric]
    if odd and (nests_deep(text) or not all(_is_column(one, rows) for one in odd)):
        return None
    return EventBatch(
        name=DocumentName.EVENT_PAGE,
        descriptor=page.descriptor,
        text=text,
        begins=np.array([text.index(b"{")]),
        ends=np.array([text.rindex(b"}") + 1]),
        uids=page.uid,
        seq_nums=page.seq_num,
        times=page.time,
        data=_Columns(data),
        numeric=numeric,
    )


def are_numbers(column: bytes, rows: int) -> bool:
    """Return whether a JSON value is an array of so many finite numbers.

    Parameters
    ----------
    rows
        More than one.
    """
    return column.translate(None, _OF_NUMBERS) == b"[%b]" % (b"," * (rows - 1)) and all(
        b"," in column[begin : begin + _LONGEST_NUMBER]
        for begin in range(0, len(column) - _LONGEST_NUMBER, _LONGEST_NUMBER)
    )


def _is_regular(page: _Page, rows: int) -> bool:
    return (
        rows > 1
        and len(page.seq_num) == len(page.time) == rows
        and not page.filled
        and page.data.keys() == page.timestamps.keys()
        and all(are_numbers(bytes(one), rows) for one in page.timestamps.values())
    )


def _keys(page: _Page) -> int:
    """Return how many keys it has: with as many colons none is repeated or hidden."""
    own = _OWN_KEYS if page.filled is msgspec.UNSET else _OWN_KEYS + 1
    return own + 2 * len(page.data)


def _is_column(text: bytes, rows: int) -> bool:
    try:
        return len(msgspec.json.decode(text, type=list[Any])) == rows
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
