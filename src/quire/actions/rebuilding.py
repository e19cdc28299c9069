"""Runs folded anew from their documents, compared with what is stored of them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from quire.actions.intake import as_document
from quire.actions.look_back import known_in, repeated_in
from quire.clock import Clock
from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.errors import QuireError
from quire.ports.store import Store, Transaction
from quire.runs.careful import fold_carefully
from quire.runs.changes import annotations
from quire.runs.findings import settled
from quire.runs.run import Run

_AT_ONCE = 50  # runs of one transaction
_MOST_DOCUMENTS = 1000  # held at a time
_MOST_BYTES = 4 * 2**20
# Events are judged by their descriptors, which may have come behind them.
_FIRST = frozenset(
    {DocumentName.DESCRIPTOR, DocumentName.RESOURCE, DocumentName.STREAM_RESOURCE}
)
# What none of its documents tells of: people, the moments at which the server saw
# things, and other runs.
_KEPT = frozenset(
    {
        "uid",
        "owner",
        "first_received",
        "lease_until",
        "interrupted",
        "closed_at",
        "closed_by",
        "close_reason",
        "borrowers",
    }
)
_COMPARED = tuple(name for name in Run.__struct_fields__ if name not in _KEPT)
# It tells of a copy that was refused, and so is stored nowhere else.
_CONFLICT = "conflict"

UNREADABLE = (
    QuireError,
    msgspec.MsgspecError,
    ValueError,
    LookupError,
    RuntimeError,
)
"""What reading a record or a document raises that is damaged, or gone."""

Told = Callable[[int], None]
"""Told how many runs more have been folded."""


class Unfit(msgspec.Struct, frozen=True, kw_only=True):
    """A run that cannot be folded anew, and is left as it is."""

    uid: str
    reason: str


class Different(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was stored otherwise than its documents say.

    Attributes
    ----------
    fields
        Names of the fields that differ; none where it was not stored at all.
    """

    uid: str
    fields: tuple[str, ...]


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of folding runs anew."""

    runs: int = 0
    different: tuple[Different, ...] = ()
    unfit: tuple[Unfit, ...] = ()


class Rebuilding:
    """Folds runs anew, a few in each transaction.

    It can be ended at any time and repeated: each run is as it was, or as its
    documents say.

    Parameters
    ----------
    owner
        Who gets a run whose record is gone.
    """

    def __init__(self, store: Store, clock: Clock, *, owner: str) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner

    async def __call__(
        self, uids: Sequence[str], told: Told, *, write: bool
    ) -> Rebuilt:
        """Fold these runs and return how they differ from what is stored.

        Parameters
        ----------
        write
            Whether to store what was folded where it differs.
        """
        different: list[Different] = []
        unfit: list[Unfit] = []
        for begin in range(0, len(uids), _AT_ONCE):
            some = uids[begin : begin + _AT_ONCE]
            found = await self._store.view(lambda tx, some=some: self._look(tx, some))  # type: ignore[misc]
            changed = [one for one in found if isinstance(one, Different)]
            unfit += [one for one in found if isinstance(one, Unfit)]
            different += changed
            if write and changed:
                names = [one.uid for one in changed]
                await self._store.decide(lambda tx, names=names: self._put(tx, names))  # type: ignore[misc]
            told(len(some))
            await asyncio.sleep(0)
        return Rebuilt(runs=len(uids), different=tuple(different), unfit=tuple(unfit))

    def _look(self, tx: Transaction, uids: Sequence[str]) -> list[Different | Unfit]:
        found = (self._compared(tx, uid) for uid in uids)
        return [one for one in found if one is not None]

    def _compared(self, tx: Transaction, uid: str) -> Different | Unfit | None:
        try:
            stored = tx.runs.get(uid)
        except UNREADABLE as error:
            return Unfit(uid=uid, reason=f"its record cannot be read: {error}")
        folded = self._folded(tx, uid, stored)
        if isinstance(folded, Unfit):
            return folded
        if stored is None:
            return Different(uid=uid, fields=())
        fields = differences(stored, folded)
        return Different(uid=uid, fields=fields) if fields else None

    def _put(self, tx: Transaction, uids: Sequence[str]) -> None:
        for uid in uids:
            folded = self._folded(tx, uid, tx.runs.get(uid))
            if isinstance(folded, Run):
                tx.runs.put(folded)

    def _folded(self, tx: Transaction, uid: str, stored: Run | None) -> Run | Unfit:
        now = self._clock.now()
        before = stored or Run(
            uid=uid, owner=self._owner, first_received=now, lease_until=now
        )
        return refolded(tx, before)


def refolded(tx: Transaction, stored: Run) -> Run | Unfit:
    """Return a run as its documents, its history and its products say.

    What stands in none of these is taken over: see `_KEPT`.
    """
    uid = stored.uid
    every = [one for one in tx.products.of_run(uid) if one.removed is None]
    made = {one.file.rpartition("/")[2] for one in every}
    history, said = tx.run_history.of_run(uid), stored.annotations
    if history:
        said = replace(annotations(history), lists=said.lists)
    kept = {name: getattr(stored, name) for name in _KEPT}
    run = Run(
        **kept,
        products=tuple(sorted({*stored.products, *made})),
        annotations=said,
    )
    try:
        for first in (True, False):
            for some in _parsed(tx, uid, first=first):
                run = fold_carefully(run, some, known=partial(known_in, tx, uid))
    except UNREADABLE as error:
        return Unfit(uid=uid, reason=f"its documents cannot be read: {error}")
    if not run.documents:
        return Unfit(uid=uid, reason="it has no documents any more")
    return settled(run, [one for one in stored.findings if one.rule == _CONFLICT])


def differences(stored: Run, folded: Run) -> tuple[str, ...]:
    """Return the names of the fields in which two records of a run differ."""
    return tuple(
        name for name in _COMPARED if getattr(stored, name) != getattr(folded, name)
    )


def _parsed(
    tx: Transaction, uid: str, *, first: bool
) -> Iterator[list[tuple[Document, tuple[int, ...]]]]:
    """Yield the documents that others are judged by, or the others, some at a time."""
    some: list[tuple[Document, tuple[int, ...]]] = []
    size = 0
    for stored in tx.documents.of_run(uid):
        if (stored.name in _FIRST) is not first:
            continue
        some.append((as_document(stored), repeated_in(tx, uid, stored)))
        size += len(stored.raw)
        if len(some) >= _MOST_DOCUMENTS or size >= _MOST_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
