"""A store that tells how much was read of it, and lets others in between two reads."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

from quire.ports.document_records import StoredDocument
from quire.ports.store import Decision, Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore

T = TypeVar("T")


class WatchedStore(MemoryStore):
    """A store in memory.

    Attributes
    ----------
    read
        How many documents of runs were read.
    after_view
        Awaited once, after the next view.
    """

    def __init__(self) -> None:
        super().__init__(doorbell=LocalDoorbell())
        self.read = 0
        self.after_view: Callable[[], Awaitable[None]] | None = None

    async def view(self, question: Decision[T]) -> T:
        found = await super().view(
            lambda tx: question(cast("Transaction", _Watched(tx, self)))
        )
        after, self.after_view = self.after_view, None
        if after is not None:
            await after()
        return found


class _Watched:
    """A transaction whose documents are counted as they are read."""

    def __init__(self, tx: Transaction, store: WatchedStore) -> None:
        self._tx = tx
        self._store = store

    @property
    def documents(self) -> "_Watched":
        return self

    def of_run(self, run: str, first: int = 0) -> Iterator[StoredDocument]:
        for one in self._tx.documents.of_run(run, first):
            self._store.read += 1
            yield one

    def find(
        self, run: str | None, keys: Sequence[int]
    ) -> dict[int, tuple[StoredDocument, ...]]:
        return self._tx.documents.find(run, keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)
