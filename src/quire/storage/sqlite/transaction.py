"""What a decision sees of the SQLite store."""

import apsw

from quire.runs.searchable import Describe
from quire.storage.sqlite.changes import Changes
from quire.storage.sqlite.documents import SqliteDocuments
from quire.storage.sqlite.jobs import SqliteJobs
from quire.storage.sqlite.known_keys import KnownKeys
from quire.storage.sqlite.products import SqliteProducts
from quire.storage.sqlite.progress import SqliteProgress
from quire.storage.sqlite.recent_runs import RecentRuns
from quire.storage.sqlite.runs import SqliteRuns
from quire.storage.sqlite.tokens import SqliteTokens


class SqliteTransaction:
    """`quire.ports.store.Transaction` on one connection."""

    def __init__(self, connection: apsw.Connection, describe: Describe) -> None:
        known, recent = KnownKeys(), RecentRuns()
        self.changes = Changes(known, recent)
        self.documents = SqliteDocuments(connection, self.changes, known)
        self.runs = SqliteRuns(connection, self.changes, recent, describe)
        self.jobs = SqliteJobs(connection, self.changes)
        self.progress = SqliteProgress(connection, self.changes)
        self.products = SqliteProducts(connection)
        self.tokens = SqliteTokens(connection)
