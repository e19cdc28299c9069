"""Documents without what a replay need not know: only what refers to what.

A run of a million events is put in order without its data in memory: of an event no
more is kept than its descriptor's uid, and equal sketches are one object.
"""

from typing import Any

import msgspec

from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.documents.reading import parse
from quire.documents.references import DATUMS

_EVENTS = frozenset({DocumentName.EVENT, DocumentName.EVENT_PAGE})
_KEPT = ("descriptor", "resource", "stream_resource", "datum_id", "datum_ids")


class _Head(msgspec.Struct, frozen=True):
    """What msgspec reads of an event while it skips the rest."""

    descriptor: str


_DECODER = msgspec.json.Decoder(_Head)


class Sketcher:
    """Makes sketches of one run's documents.

    Attributes
    ----------
    datums
        Whether there were datums, which events name in their data.
    """

    def __init__(self) -> None:
        self.datums = False
        self._shared: dict[tuple[DocumentName, str], Document] = {}

    def sketch(self, name: DocumentName, raw: bytes) -> Document:
        """Return the document with only what it refers to and is referred to by.

        Of an event or a page the data are left out: see `with_data`.
        """
        if name in _EVENTS:
            return self._of_event(name, _descriptor(name, raw))
        self.datums = self.datums or name in DATUMS
        body = parse(name, raw).body
        return Document(name=name, body=_trimmed(name, body), raw=b"")

    def with_data(self, name: DocumentName, raw: bytes) -> Document:
        """Return an event or page with those of its data that may name datums."""
        body = parse(name, raw).body
        data = _named(body["data"])
        if not data:
            return self._of_event(name, body["descriptor"])
        kept = {"descriptor": body["descriptor"], "data": data}
        return Document(name=name, body=kept, raw=b"")

    def _of_event(self, name: DocumentName, descriptor: str) -> Document:
        found = self._shared.get((name, descriptor))
        if found is None:
            body = {"descriptor": descriptor, "data": {}}
            found = Document(name=name, body=body, raw=b"")
            self._shared[name, descriptor] = found
        return found


def _descriptor(name: DocumentName, raw: bytes) -> str:
    try:
        return _DECODER.decode(raw).descriptor
    except msgspec.MsgspecError:  # Python's dialect: NaN
        return str(parse(name, raw).body["descriptor"])


def _trimmed(name: DocumentName, body: dict[str, Any]) -> dict[str, Any]:
    match name:
        case DocumentName.BULK_EVENTS:
            return {
                key: [
                    {"descriptor": one["descriptor"], "data": _named(one["data"])}
                    for one in events
                ]
                for key, events in body.items()
            }
        case DocumentName.DESCRIPTOR:
            external = {
                key: {"external": one["external"]}
                for key, one in body["data_keys"].items()
                if "external" in one
            }
            return {"uid": body["uid"], "data_keys": external}
    kept = {key: body[key] for key in _KEPT if key in body}
    return {"uid": body["uid"], **kept} if "uid" in body else kept


def _named(data: dict[str, Any]) -> dict[str, Any]:
    return {key: found for key, one in data.items() if (found := _texts(one))}


def _texts(value: Any) -> Any:
    """Return the texts in a value or a column; empty where there are none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return [one for one in value if isinstance(one, str)]
    return ""
