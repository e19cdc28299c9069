"""What of a delivery is in the store already, or stands in the delivery twice."""

from collections.abc import Mapping, Sequence
from typing import Any

from quire.documents.document import Document
from quire.documents.identity import canonical, content_hash, family, row, row_uids
from quire.documents.pointer import showable
from quire.documents.reading import parse
from quire.ports.document_records import StoredDocument

_LONGEST_COPY = 2000


class Clash(Exception):  # as our errors
    """Other content is stored under the uid of one of a document's rows.

    Parameters
    ----------
    stored_hash, received_hash
        SHA-256 of the canonical text of both.
    received
        The text of the row that came, clipped.
    """

    def __init__(
        self, uid: str, stored_hash: str, received_hash: str, received: str
    ) -> None:
        super().__init__(uid)
        self.uid = uid
        self.stored_hash = stored_hash
        self.received_hash = received_hash
        self.received = received


class Seen:
    """The documents that a run has, by the keys of their rows.

    Parameters
    ----------
    known
        Those of the store that a delivery may repeat.
    """

    def __init__(self, known: Mapping[int, Sequence[StoredDocument]]) -> None:
        self._by_key: dict[int, list[tuple[Document, tuple[int, ...]]]] = {
            key: [(parse(hit.name, hit.raw), hit.keys) for hit in hits]
            for key, hits in known.items()
        }

    def add(self, document: Document, keys: tuple[int, ...]) -> None:
        """Note a document of the delivery."""
        for key in keys:
            self._by_key.setdefault(key, []).append((document, keys))

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
        uids = row_uids(document)
        return tuple(
            place
            for place, key in enumerate(keys)
            if key in self._by_key and self._has(document, place, key, uids[place])
        )

    def _has(self, document: Document, place: int, key: int, uid: str) -> bool:
        for other, other_keys in self._by_key[key]:
            there = other_keys.index(key)
            if row_uids(other)[there] != uid:
                continue
            mine, stored = row(document, place), row(other, there)
            hashes = content_hash(stored), content_hash(mine)
            if hashes[0] != hashes[1]:
                raise Clash(uid, *hashes, _text(document, mine))
            return True
        return False


def _text(document: Document, one_row: dict[str, Any]) -> str:
    alone = family(document.name) == document.name
    raw = document.raw if alone else canonical(one_row)
    return showable(raw.decode("utf-8", "replace"), _LONGEST_COPY)
