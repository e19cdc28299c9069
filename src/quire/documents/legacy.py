"""Documents in the spellings of older event-models, upgraded to those of today.

What a live producer sends is refused where the schema refuses it; this is for
importing archives (``reference/documents.md``, 3.9). Every step says what it changed.
What is no older spelling stays as it is, for the schema to judge.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import jiter

from quire.documents.document import Document
from quire.documents.legacy_bulks import datum_page, event_pages
from quire.documents.legacy_keys import upgrade_data_keys
from quire.documents.legacy_resources import upgrade_resource, upgrade_stream_resource
from quire.documents.names import DocumentName

Upgrade = Callable[[Document], Sequence[Document]]
"""Turns a document that came into those to store."""


def as_received(document: Document) -> Sequence[Document]:
    """Return the document alone: a live producer spells as event-model does today."""
    return (document,)


def upgraded(document: Document) -> Sequence[Document]:
    """Return what the document is today; itself, unchanged, if it is so already."""
    rewritten, changes = _rewritten(document.name, _parsed(document.raw))
    if not changes:
        return (document,)
    original = b'["%b",%b]' % (document.name.value.encode(), document.raw)
    return tuple(
        Document(name=name, body=body, raw=_raw(body), original=original)
        for name, body in rewritten
    )


def changes_of(document: Document) -> tuple[str, ...]:
    """Return what was changed of a document that was upgraded, in plain words."""
    if not document.original:
        return ()
    name, body = _parsed(document.original)
    return _rewritten(DocumentName(name), body)[1]


def _rewritten(
    name: DocumentName, body: dict[str, Any]
) -> tuple[list[tuple[DocumentName, dict[str, Any]]], tuple[str, ...]]:
    changes: tuple[str, ...] = ()
    match name:
        case DocumentName.BULK_EVENTS if pages := event_pages(body):
            made = [(DocumentName.EVENT_PAGE, page) for page in pages]
            return made, ("bulk_events became event_page",)
        case DocumentName.BULK_DATUM if page := datum_page(body):
            made = [(DocumentName.DATUM_PAGE, page)]
            return made, ("bulk_datum became datum_page",)
        case DocumentName.DESCRIPTOR:
            changes = tuple(upgrade_data_keys(body))
        case DocumentName.STREAM_RESOURCE:
            changes = tuple(upgrade_stream_resource(body))
        case DocumentName.RESOURCE:
            changes = tuple(upgrade_resource(body))
    return [(name, body)], changes


def _parsed(raw: bytes) -> Any:
    return jiter.from_json(raw, allow_inf_nan=True)


def _raw(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
