"""The store in memory: every guarantee but durability."""

import threading
from typing import TypeVar

from quire.errors import StoreUnavailable
from quire.ports.doorbell import Doorbell
from quire.ports.store import Decision
from quire.storage.memory.documents import MemoryDocuments
from quire.storage.memory.journal import Journal
from quire.storage.memory.records import (
    MemoryJobs,
    MemoryProducts,
    MemoryProgress,
    MemoryRuns,
    MemoryTokens,
)

T = TypeVar("T")


class MemoryTransaction:
    """`quire.ports.store.Transaction` in memory."""

    def __init__(self, journal: Journal) -> None:
        self.documents = MemoryDocuments(journal)
        self.runs = MemoryRuns(journal)
        self.jobs = MemoryJobs(journal)
        self.progress = MemoryProgress(journal)
        self.products = MemoryProducts(journal)
        self.tokens = MemoryTokens(journal)


class MemoryStore:
    """`quire.ports.store.Store` in memory."""

    def __init__(self, *, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self._lock = threading.Lock()
        self._journal = Journal()
        self._transaction = MemoryTransaction(self._journal)
        self._unready = ""

    async def decide(self, decision: Decision[T]) -> T:
        """Run the decision in a transaction and return what it returned.

        Raises
        ------
        StoreUnavailable
            The store is closed.
        """
        self._refuse_closed()
        with self._lock:
            try:
                outcome = decision(self._transaction)
            except BaseException:
                self._journal.take_back()
                raise
            topics = self._journal.topics
            self._journal.begin()
        if topics:
            self._doorbell.ring(topics)
        return outcome

    async def view(self, question: Decision[T]) -> T:
        """Run a function that only reads; what it writes is taken back."""
        self._refuse_closed()
        with self._lock:
            try:
                return question(self._transaction)
            finally:
                self._journal.take_back()

    async def ready(self) -> str:
        """Return why the store cannot take writes now, empty if it can."""
        return self._unready

    async def aclose(self) -> None:
        """Let go of everything."""
        self._unready = "it is closed"

    def _refuse_closed(self) -> None:
        if self._unready:
            raise StoreUnavailable(self._unready)
