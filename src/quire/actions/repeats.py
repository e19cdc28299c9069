"""What of a delivery is in the store already, or stands in the delivery twice.

Redelivery is normal, and of pages as well as of single events: so nothing here takes
longer than in proportion to what came and what is there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from quire.documents.document import Document
from quire.documents.identity import (
    canonical,
    content_hash,
    family,
    reader_of_rows,
    row_uids,
)
from quire.documents.names import DocumentName
from quire.documents.pointer import showable
from quire.documents.reading import parse
from quire.ports.document_records import StoredDocument

_LONGEST_COPY = 2000
Row = dict[str, Any]


class Clash(Exception):  # as our errors
    """Other content is stored under the uid of one of a document's rows.

    Parameters
    ----------
    stored_hash, received_hash
        SHA-256 of the canonical text of both.
    received
        The text of the row that came, clipped.
    where
        In words, where it is not in the run itself.
    """

    def __init__(
        self,
        uid: str,
        stored_hash: str,
        received_hash: str,
        received: str,
        *,
        where: str = "",
    ) -> None:
        super().__init__(uid)
        self.uid = uid
        self.stored_hash = stored_hash
        self.received_hash = received_hash
        self.received = received
        self.where = where


def clash_of(stored: Document, received: Document, *, where: str) -> Clash:
    """Return the clash of two documents that are no pages."""
    uid = row_uids(received)[0]
    hashes = content_hash(stored.body), content_hash(received.body)
    return Clash(uid, *hashes, _text(received, received.body), where=where)


class Seen:
    """The documents that a run has, by the keys of their rows.

    Parameters
    ----------
    known
        Those of the store that a delivery may repeat.
    """

    def __init__(self, known: Mapping[int, Sequence[StoredDocument]]) -> None:
        hits = {hit.number: hit for each in known.values() for hit in each}
        held = {at: _Held(hit.name, hit.raw, hit.keys) for at, hit in hits.items()}
        self._by_key: dict[int, list[_Held]] = {
            key: [held[hit.number] for hit in each] for key, each in known.items()
        }

    @classmethod
    def of(cls, documents: Sequence[StoredDocument]) -> "Seen":
        """Return these, as if they were all that a run has."""
        known: dict[int, list[StoredDocument]] = {}
        for one in documents:
            for key in dict.fromkeys(one.keys):
                known.setdefault(key, []).append(one)
        return cls(known)

    def add(self, document: Document, keys: tuple[int, ...]) -> None:
        """Note a document of the delivery."""
        held = _Held(document.name, document.raw, keys)
        for key in dict.fromkeys(keys):
            self._by_key.setdefault(key, []).append(held)

    def repeated_rows(
        self, document: Document, keys: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Return the places of rows that are here already.

        Raises
        ------
        Clash
            A row's uid is here with other content.
        """
        if self._by_key.keys().isdisjoint(keys):
            return ()
        if any(one.is_same(document) for one in self._by_key.get(keys[0], ())):
            return tuple(range(len(keys)))
        uids, read = row_uids(document), reader_of_rows(document)
        return tuple(
            place
            for place, key in enumerate(keys)
            if key in self._by_key
            and self._has(document, read(place), key, uids[place])
        )

    def _has(self, document: Document, mine: Row, key: int, uid: str) -> bool:
        stored = ""
        received = content_hash(mine)
        for one in self._by_key[key]:
            contents = one.contents(key, uid)
            if received in contents:
                return True
            stored = stored or next(iter(contents), "")
        if stored:
            raise Clash(uid, stored, received, _text(document, mine))
        return False


class _Held:
    """A document that is here, looked into once it is asked for."""

    def __init__(self, name: DocumentName, raw: bytes, keys: tuple[int, ...]) -> None:
        self._name = name
        self._raw = raw
        self._keys = keys
        self._several: dict[str, dict[str, None]] = {}

    def is_same(self, document: Document) -> bool:
        """Return whether it has a document's very bytes."""
        return self._name is document.name and self._raw == document.raw

    def contents(self, key: int, uid: str) -> Mapping[str, None]:
        """Return the hashes of its rows of this uid: a sloppy page has several."""
        if uid not in self._several:
            places = self._places.get(key, [])
            found = dict.fromkeys(self._hashes(places, uid))
            if len(places) == 1:  # as nearly always: not worth keeping
                return found
            self._several[uid] = found
        return self._several[uid]

    def _hashes(self, places: Sequence[int], uid: str) -> Iterator[str]:
        for place in places:
            if self._uids[place] == uid:
                yield content_hash(self._read(place))

    @cached_property
    def _document(self) -> Document:
        return parse(self._name, self._raw)

    @cached_property
    def _read(self) -> Callable[[int], Row]:
        return reader_of_rows(self._document)

    @cached_property
    def _uids(self) -> tuple[str, ...]:
        return row_uids(self._document)

    @cached_property
    def _places(self) -> Mapping[int, list[int]]:
        places: dict[int, list[int]] = {}
        for place, key in enumerate(self._keys):
            places.setdefault(key, []).append(place)
        return places


def _text(document: Document, one_row: Row) -> str:
    alone = family(document.name) == document.name
    raw = document.raw if alone else canonical(one_row)
    return showable(raw.decode("utf-8", "replace"), _LONGEST_COPY)
