"""The store in memory: every guarantee but durability."""

import threading
from typing import TypeVar

from quire.errors import StoreUnavailable
from quire.ports.doorbell import Doorbell
from quire.ports.store import Decision
from quire.storage.memory.acquisitions import MemoryAcquisitions
from quire.storage.memory.documents import MemoryDocuments
from quire.storage.memory.finder import MemoryRunFinder
from quire.storage.memory.inlets import MemoryInlets
from quire.storage.memory.job_numbers import MemoryJobNumbers
from quire.storage.memory.jobs import MemoryJobs
from quire.storage.memory.journal import Journal
from quire.storage.memory.labs import MemoryLabs
from quire.storage.memory.outbox import MemoryOutbox, MemoryOutletRuns
from quire.storage.memory.quality import MemoryRunHistory, MemoryRunLists
from quire.storage.memory.records import (
    MemoryProducts,
    MemoryProgress,
    MemoryRuns,
    MemoryTokens,
)
from quire.storage.memory.run_index import MemoryRunIndex
from quire.storage.memory.saved_queries import MemorySavedQueries
from quire.storage.memory.switches import MemorySwitches

T = TypeVar("T")


class MemoryTransaction:
    """`quire.ports.store.Transaction` in memory."""

    def __init__(self, journal: Journal) -> None:
        self.documents = MemoryDocuments(journal)
        self.runs = MemoryRuns(journal)
        self.finder = MemoryRunFinder(self.runs)
        self.run_index = MemoryRunIndex(journal)
        self.run_history = MemoryRunHistory(journal)
        self.run_lists = MemoryRunLists(journal)
        self.acquisitions = MemoryAcquisitions(journal)
        self.jobs = MemoryJobs(journal, self.acquisitions.follow)
        self.numbers = MemoryJobNumbers(journal, self.jobs)
        self.progress = MemoryProgress(journal)
        self.products = MemoryProducts(journal)
        self.tokens = MemoryTokens(journal)
        self.labs = MemoryLabs(journal)
        self.outbox = MemoryOutbox(journal, self.documents)
        self.outlet_runs = MemoryOutletRuns(journal)
        self.inlets = MemoryInlets(journal)
        self.saved_queries = MemorySavedQueries(journal)
        self.switches = MemorySwitches(journal)


class MemoryStore:
    """`quire.ports.store.Store` in memory."""

    def __init__(self, *, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self._lock = threading.Lock()
        self._journal = Journal()
        self._transaction = MemoryTransaction(self._journal)
        self._unready = ""

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        """Run the decision in a transaction and return what it returned.

        Raises
        ------
        StoreUnavailable
            The store is closed.
        """
        del brief  # all are decided where they are asked
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
