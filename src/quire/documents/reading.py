"""Items as they come over the wire, read into documents with their exact bytes.

An item is ``[name, document]`` or ``{"name": name, "doc": document}``. JSON is
Python's dialect: bare ``NaN``, ``Infinity`` and ``-Infinity`` are numbers, because
real producers write them (``event_model.sanitize_doc``).
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import jiter

from quire.documents.batch import EventBatch, read_batch
from quire.documents.diagnosis import broken_off, unknown_name, unreadable, wrong_shape
from quire.documents.document import Document, Fault
from quire.documents.names import DocumentName
from quire.documents.paged import PAGE_BEGINS, read_page
from quire.documents.slicing import Broken, elements, members
from quire.documents.typed import WHITE, is_event, read_events, read_rows

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NAMES = {name.value.encode(): name for name in DocumentName}
# The form in which nearly every item comes.
_PLAIN = re.compile(rb'\["([a-z_]+)",[ \t]*+(?=\{)')


def read_items(body: bytes, *, media_type: str) -> Iterator[Document | Fault]:
    """Read what was sent, each item by itself: see `read_delivery`."""
    for found in read_delivery(body, media_type=media_type):
        if isinstance(found, EventBatch):
            yield from found.documents()
        else:
            yield found


def read_delivery(
    body: bytes, *, media_type: str
) -> Iterator[Document | EventBatch | Fault]:
    """Read what was sent; one item that cannot be read does not cost the others.

    Parameters
    ----------
    body
        NDJSON (one item a line, blank lines skipped), or for `application/json` an
        array of items or a single one.
    media_type
        With or without parameters.

    Yields
    ------
    Document, EventBatch or Fault
        One for each item, or for many events that are alike, in order; the places of
        items count from 0. An array that breaks off gives its items before the break
        and one fault for the rest.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    as_json = media_type.partition(";")[0].strip().lower() == "application/json"
    if not as_json:
        yield from _of_lines(body)
        return
    index = 0
    try:
        for text in _json_items(body.strip(WHITE)):
            yield _read(text, index)
            index += 1
    except Broken as error:
        yield broken_off(index, error)


def parse(name: DocumentName, raw: bytes, original: bytes = b"") -> Document:
    """Return a document from its bytes, which were read once before.

    Raises
    ------
    ValueError
        They are no JSON.
    """
    return Document(name=name, body=_parsed(raw), raw=raw, original=original)


def _of_lines(body: bytes) -> Iterator[Document | EventBatch | Fault]:
    whole = _read_whole(body)
    if whole is not None:
        yield whole
        return
    lines = [text for line in body.split(b"\n") if (text := line.strip(WHITE))]
    if len(lines) == 1:
        yield _read(lines[0], 0)
        return
    index = 0
    for is_plain, group in groupby(lines, is_event):
        texts = list(group)
        if is_plain:
            joined = b"\n".join(texts)
            was_tried = len(joined) >= len(body) - 1
            batch = None if was_tried else read_batch(joined)
            yield from _events_of(texts, index) if batch is None else (batch,)
        else:
            for place, text in enumerate(texts, index):
                yield read_page(text) or _read(text, place)
        index += len(texts)


def _read_whole(body: bytes) -> EventBatch | None:
    """Return what is nothing but events that are alike, or a page: nearly all is."""
    if body.startswith(PAGE_BEGINS):
        return read_page(body) if body.find(b"\n", 0, len(body) - 1) < 0 else None
    return read_batch(body)


def _events_of(texts: Sequence[bytes], index: int) -> Iterator[Document | Fault]:
    events = read_events(texts) if len(texts) > 1 else None
    if events is not None:
        yield from events
        return
    for place, text in enumerate(texts, index):
        yield _read(text, place)


def _json_items(body: bytes) -> Iterator[bytes]:
    if not body.startswith(b"["):
        if body:
            yield body
        return
    for begin, end in elements(body):
        # Of an array of items no element is a string: this is one item.
        if body[begin : begin + 1] == b'"':
            yield body
            return
        yield body[begin:end]


def _parsed(text: bytes) -> Any:
    return jiter.from_json(text, allow_inf_nan=True, catch_duplicate_keys=True)


def _read(text: bytes, index: int) -> Document | Fault:
    rows = read_rows(text)
    if rows is not None:
        return rows
    plain = _PLAIN.match(text)
    if plain is not None and text.endswith(b"]"):
        name = _NAMES.get(plain[1])
        raw = text[plain.end() : -1].strip(WHITE)
        if name is not None:
            try:
                return Document(name=name, body=_parsed(raw), raw=raw)
            except ValueError:
                pass  # said better, with its place, by the thorough way
    return _read_thoroughly(text, index)


def _read_thoroughly(text: bytes, index: int) -> Document | Fault:
    try:
        item = _parsed(text)
    except ValueError as error:
        return unreadable(text, index, error)
    match item:
        case [str(name), dict(body)]:
            raw = _second_element(text)
        case {"name": str(name), "doc": dict(body)}:
            raw = _member(text, "doc")
        case _:
            return wrong_shape(text, index)
    known = _NAMES.get(name.encode())
    if known is None:
        return unknown_name(text, index, name)
    return Document(name=known, body=body, raw=raw)


def _second_element(text: bytes) -> bytes:
    _, (begin, end) = elements(text)
    return text[begin:end]


def _member(text: bytes, wanted: str) -> bytes:
    found = b""
    for key, (begin, end) in members(text):
        if _parsed(text[slice(*key)]) == wanted:
            found = text[begin:end]
    return found
