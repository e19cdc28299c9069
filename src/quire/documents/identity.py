"""What makes two documents the same: uids, rows of pages, canonical content."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from quire.documents.document import Document
from quire.documents.names import DocumentName as Name

_FAMILY: Mapping[Name, str] = {
    Name.EVENT_PAGE: Name.EVENT,
    Name.BULK_EVENTS: Name.EVENT,
    Name.DATUM_PAGE: Name.DATUM,
    Name.BULK_DATUM: Name.DATUM,
}


def identity(document: Document) -> str:
    """Return a document's uid or datum_id; of a page that of its first row."""
    uids = _uids(document.name, document.body)
    return uids[0] if uids else ""


def row_uids(document: Document) -> tuple[str, ...]:
    """Return the uid of each row; one for a document that is no page."""
    return _uids(document.name, document.body)


def row_keys(document: Document) -> tuple[int, ...]:
    """Return a short hash (signed, 64 bits) of the uid of each row."""
    family = _FAMILY.get(document.name, document.name)
    return tuple(_key(f"{family}:{uid}") for uid in row_uids(document))


def row(document: Document, place: int) -> dict[str, Any]:
    """Return one row's content in the form of the single document.

    A page's row and the same event sent alone are equal so.
    """
    body = document.body
    match document.name:
        case Name.EVENT_PAGE:
            return _event_of_page(body, place)
        case Name.DATUM_PAGE:
            return {
                "datum_id": body["datum_id"][place],
                "resource": body["resource"],
                "datum_kwargs": _column(body["datum_kwargs"], place),
            }
        case Name.BULK_DATUM:
            return {
                "datum_id": body["datum_ids"][place],
                "resource": body["resource"],
                "datum_kwargs": body["datum_kwarg_list"][place],
            }
        case Name.BULK_EVENTS:
            event: dict[str, Any] = bulk_events(body)[place]
            return event
        case _:
            return body


def bulk_events(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the events of a `bulk_events` document in order."""
    return [event for events in body.values() for event in events]


def canonical(value: Any) -> bytes:
    """Return canonical JSON: sorted keys, no white space, UTF-8.

    1 and 1.0 differ, NaN equals NaN, integers keep all their digits.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def content_hash(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON, hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _uids(name: Name, body: Mapping[str, Any]) -> tuple[str, ...]:
    match name:
        case Name.EVENT_PAGE:
            found = body.get("uid", ())
        case Name.DATUM_PAGE:
            found = body.get("datum_id", ())
        case Name.BULK_DATUM:
            found = body.get("datum_ids", ())
        case Name.BULK_EVENTS:
            try:
                found = [event["uid"] for event in bulk_events(body)]
            except (KeyError, TypeError):
                found = ()
        case Name.DATUM:
            found = (body.get("datum_id", ""),)
        case _:
            found = (body.get("uid", ""),)
    if not isinstance(found, list | tuple):
        return ()
    return tuple(uid for uid in found if isinstance(uid, str))


def _key(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


def _event_of_page(body: Mapping[str, Any], place: int) -> dict[str, Any]:
    event = {
        "descriptor": body["descriptor"],
        "uid": body["uid"][place],
        "seq_num": body["seq_num"][place],
        "time": body["time"][place],
        "data": _column(body["data"], place),
        "timestamps": _column(body["timestamps"], place),
    }
    if "filled" in body:
        event["filled"] = _column(body["filled"], place)
    return event


def _column(columns: Mapping[str, list[Any]], place: int) -> dict[str, Any]:
    # Ragged pages are stored and flagged: a short column has no value here.
    return {key: one[place] for key, one in columns.items() if place < len(one)}
