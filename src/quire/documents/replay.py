"""The order in which documents can be replayed: targets before references."""

from collections.abc import Iterator, Mapping, Sequence

from quire.documents.document import Document
from quire.documents.identity import bulk_events, row_uids
from quire.documents.names import DocumentName as Name
from quire.documents.references import anchor, parents

_TARGETS = frozenset({Name.DATUM, Name.DATUM_PAGE, Name.BULK_DATUM})
_EVENTS = frozenset({Name.EVENT, Name.EVENT_PAGE, Name.BULK_EVENTS})


def replay_order(documents: Sequence[Document]) -> list[int]:
    """Return places in the order of replay.

    The start comes first, each document after those that it refers to, otherwise as
    received, the stop last (event-model issue 98).
    """
    targets = _targets(documents)
    order: list[int] = []
    placed: set[int] = set()

    def place(at: int) -> None:
        # References are three deep at most: event, datum, resource.
        if at in placed:
            return
        placed.add(at)
        for name in _references(documents[at], targets):
            if name in targets:
                place(targets[name])
        order.append(at)

    ranks = sorted(range(len(documents)), key=lambda at: _rank(documents[at]))
    for at in ranks:
        place(at)
    return order


def _rank(document: Document) -> int:
    return {Name.START: 0, Name.STOP: 2}.get(document.name, 1)


def _targets(documents: Sequence[Document]) -> dict[str, int]:
    targets: dict[str, int] = {}
    for at, document in enumerate(documents):
        if name := anchor(document):
            targets.setdefault(name, at)
        elif document.name in _TARGETS:
            for uid in row_uids(document):
                targets.setdefault(uid, at)
    return targets


def _references(document: Document, targets: Mapping[str, int]) -> Iterator[str]:
    yield from parents(document)
    if document.name in _EVENTS and targets:
        yield from _datum_ids(document)


def _datum_ids(document: Document) -> Iterator[str]:
    if document.name is Name.BULK_EVENTS:
        rows = [event["data"] for event in bulk_events(document.body)]
        yield from (
            value for data in rows for value in data.values() if isinstance(value, str)
        )
        return
    for value in document.body["data"].values():
        if isinstance(value, str):
            yield value
        elif document.name is Name.EVENT_PAGE and isinstance(value, list):
            yield from (one for one in value if isinstance(one, str))
