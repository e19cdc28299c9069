"""What a decision sees of the SQLite store."""

import apsw

from quire.access.visibility import Keys
from quire.ports.run_finder import ValueCount
from quire.runs.searchable import Describe
from quire.storage.sqlite.acquisitions import SqliteAcquisitions
from quire.storage.sqlite.changes import Changes
from quire.storage.sqlite.documents import SqliteDocuments
from quire.storage.sqlite.facets import Facets
from quire.storage.sqlite.finder import SqliteRunFinder
from quire.storage.sqlite.inlets import SqliteInlets
from quire.storage.sqlite.job_numbers import SqliteJobNumbers
from quire.storage.sqlite.jobs import SqliteJobs
from quire.storage.sqlite.known_keys import KnownKeys
from quire.storage.sqlite.labs import SqliteLabs
from quire.storage.sqlite.outbox import SqliteOutbox
from quire.storage.sqlite.outlet_runs import SqliteOutletRuns
from quire.storage.sqlite.products import SqliteProducts
from quire.storage.sqlite.progress import SqliteProgress
from quire.storage.sqlite.quality import SqliteRunHistory, SqliteRunLists
from quire.storage.sqlite.recent_runs import RecentRuns
from quire.storage.sqlite.run_index import SqliteRunIndex
from quire.storage.sqlite.runs import SqliteRuns
from quire.storage.sqlite.saved_queries import SqliteSavedQueries
from quire.storage.sqlite.switches import SqliteSwitches
from quire.storage.sqlite.tokens import SqliteTokens


class SqliteTransaction:
    """`quire.ports.store.Transaction` on one connection."""

    def __init__(self, connection: apsw.Connection, describe: Describe) -> None:
        known, recent = KnownKeys(), RecentRuns()
        self.changes = Changes(known, recent)
        self.documents = SqliteDocuments(connection, self.changes, known)
        self.runs = SqliteRuns(connection, self.changes, recent, describe)
        self.finder = _Finder(connection, describe, self.runs.facets)
        self.run_index = SqliteRunIndex(connection, self.runs, self.changes, describe)
        self.run_history = SqliteRunHistory(connection)
        self.run_lists = SqliteRunLists(connection)
        self.acquisitions = SqliteAcquisitions(connection, self.changes)
        self.jobs = SqliteJobs(connection, self.changes, self.acquisitions.follow)
        self.numbers = SqliteJobNumbers(connection, self.changes.jobs)
        self.progress = SqliteProgress(connection, self.changes)
        self.products = SqliteProducts(connection)
        self.tokens = SqliteTokens(connection)
        self.labs = SqliteLabs(connection)
        self.outbox = SqliteOutbox(connection)
        self.outlet_runs = SqliteOutletRuns(connection)
        self.inlets = SqliteInlets(connection)
        self.saved_queries = SqliteSavedQueries(connection)
        self.switches = SqliteSwitches(connection)

    def gather(self) -> None:
        """Have counters written once a commit, by `Changes.write`."""
        self.changes.facets = self.runs.facets
        self.runs.facets.gather()


class _Finder(SqliteRunFinder):
    """Finds runs, and counts what has been gathered, too."""

    def __init__(
        self, connection: apsw.Connection, describe: Describe, facets: Facets
    ) -> None:
        super().__init__(connection, describe)
        self._gathering = facets

    def facets(
        self, fields: tuple[str, ...], visible: Keys, limit: int
    ) -> dict[str, tuple[ValueCount, ...]]:
        """Return, from kept counters, how many runs have each value of fields."""
        with self._gathering.shown():
            return super().facets(fields, visible, limit)
