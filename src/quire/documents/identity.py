"""Which document is which: uids, rows, and what counts as the same content."""

import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from hashlib import blake2b
from typing import Any

from quire.documents.batch import EventBatch
from quire.documents.document import Document
from quire.documents.names import DocumentName

_FAMILIES = {
    DocumentName.EVENT_PAGE: DocumentName.EVENT,
    DocumentName.BULK_EVENTS: DocumentName.EVENT,
    DocumentName.DATUM_PAGE: DocumentName.DATUM,
    DocumentName.BULK_DATUM: DocumentName.DATUM,
}
_CANONICAL = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
)


def identity(document: Document) -> str:
    """Return its uid or datum_id; of a page or bulk document that of its first row.

    Empty where it has none. Serves documents that the schema refuses, too.
    """
    body = document.body
    for key in ("uid", "datum_id", "datum_ids"):
        value = body.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str):
            return value
    return ""


def rows(document: Document) -> int:
    """Return how many rows it has; one for a document that is no page."""
    return len(row_uids(document))


def row_uids(document: Document) -> tuple[str, ...]:
    """Return the uid of each of its rows.

    A page without rows has one all the same, made from its content, so that its
    redelivery is known.
    """
    body = document.body
    match document.name:
        case DocumentName.EVENT_PAGE:
            uids = tuple(body["uid"])
        case DocumentName.BULK_EVENTS:
            uids = tuple(event["uid"] for event in bulk_rows(body))
        case DocumentName.DATUM_PAGE:
            uids = tuple(body["datum_id"])
        case DocumentName.BULK_DATUM:
            uids = tuple(body["datum_ids"])
        case DocumentName.DATUM:
            return (body["datum_id"],)
        case _:
            return (body["uid"],)
    return uids or (f"{document.name.value} {content_hash(body)}",)


def row_keys(document: Document) -> tuple[int, ...]:
    """Return a short hash of each row's uid: signed, 64 bits.

    An event has the same key alone and as a row of a page.
    """
    return keys_of_rows([document])[0]


def keys_of_rows(documents: Iterable[Document | EventBatch]) -> list[tuple[int, ...]]:
    """Return the `row_keys` of each of many documents, for less.

    Those of a batch are the keys of all its events.
    """
    return [_keys_of(document) for document in documents]


def _keys_of(document: Document | EventBatch) -> tuple[int, ...]:
    if isinstance(document, EventBatch):
        uids = document.uids
    elif document.name is DocumentName.EVENT:
        uids = (document.body["uid"],)
    else:
        uids = row_uids(document)
    if len(uids) == 1:
        return (key_of(document.name, uids[0]),)
    digests = b"".join(_digests(family(document.name), uids))
    return struct.unpack(f">{len(uids)}q", digests)


def key_of(name: DocumentName, uid: str) -> int:
    """Return the key of a row with this uid in a document of this name."""
    one = _begun(family(name)).copy()
    one.update(uid.encode())
    return int.from_bytes(one.digest(), signed=True)


def family(name: DocumentName) -> str:
    """Return what uids of documents of this name are told apart from others by."""
    return _FAMILIES.get(name, name).value


def row(document: Document, place: int) -> dict[str, Any]:
    """Return one row in the form of the document that would hold it alone.

    Parameters
    ----------
    place
        From 0, as in `row_uids`.
    """
    return reader_of_rows(document)(place)


def reader_of_rows(document: Document) -> Callable[[int], dict[str, Any]]:
    """Return what gives a `row` by its place, for less where many are asked for."""
    if document.name is DocumentName.BULK_EVENTS:
        events = bulk_rows(document.body)
        if events:
            return lambda place: _event(events[place])
    return partial(_row, document)


def _row(document: Document, place: int) -> dict[str, Any]:
    body = document.body
    match document.name:
        case DocumentName.EVENT:
            return _event(body)
        case DocumentName.EVENT_PAGE if body["uid"]:
            return _event_of_page(body, place)
        case DocumentName.DATUM_PAGE if body["datum_id"]:
            return {
                "resource": body["resource"],
                **_cell(body, "datum_id", place),
                "datum_kwargs": _cells(body["datum_kwargs"], place),
            }
        case DocumentName.BULK_DATUM if body["datum_ids"]:
            kwargs = body["datum_kwarg_list"][place : place + 1]
            return {
                "resource": body["resource"],
                **_cell(body, "datum_ids", place, name="datum_id"),
                **({"datum_kwargs": kwargs[0]} if kwargs else {}),
            }
    return body


def bulk_rows(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events of a `bulk_events` document in their order."""
    return [event for events in body.values() for event in events]


def canonical(value: Any) -> bytes:
    """Return the one text of a JSON value: sorted keys, no white space, UTF-8.

    1 and 1.0 differ, NaN equals NaN, integers are whole.
    """
    return _CANONICAL.encode(value).encode("utf-8", "surrogatepass")


def content_hash(value: Any) -> str:
    """Return the SHA-256 of the value's canonical text, as lower-case hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _digests(kind: str, uids: Iterable[str]) -> Iterator[bytes]:
    copy = _begun(kind).copy  # costs half of what a new one does
    for uid in uids:
        one = copy()
        one.update(uid.encode())
        yield one.digest()


@cache
def _begun(kind: str) -> blake2b:
    """Return the hash of what stands before the uid, to be continued in a copy."""
    return blake2b(f"{kind}:".encode(), digest_size=8)


def _event(body: dict[str, Any]) -> dict[str, Any]:
    # No `filled` and an empty one say the same; pages often carry an empty one.
    if "filled" in body and not body["filled"]:
        return {key: value for key, value in body.items() if key != "filled"}
    return body


def _event_of_page(body: dict[str, Any], place: int) -> dict[str, Any]:
    event = {
        "descriptor": body["descriptor"],
        "data": _cells(body["data"], place),
        "timestamps": _cells(body["timestamps"], place),
    }
    for key in ("uid", "seq_num", "time"):
        event |= _cell(body, key, place)
    filled = _cells(body.get("filled", {}), place)
    return {**event, "filled": filled} if filled else event


def _cells(columns: dict[str, Sequence[Any]], place: int) -> dict[str, Any]:
    return {
        key: column[place] for key, column in columns.items() if place < len(column)
    }


def _cell(
    body: dict[str, Any], key: str, place: int, *, name: str = ""
) -> dict[str, Any]:
    column = body[key]
    return {name or key: column[place]} if place < len(column) else {}
