"""What a decision sees of the PostgreSQL store."""

from quire.runs.searchable import Describe
from quire.storage.postgres.acquisitions import PostgresAcquisitions
from quire.storage.postgres.documents import PostgresDocuments
from quire.storage.postgres.finder import PostgresRunFinder
from quire.storage.postgres.inlets import PostgresInlets
from quire.storage.postgres.job_numbers import PostgresJobNumbers
from quire.storage.postgres.jobs import PostgresJobs
from quire.storage.postgres.labs import PostgresLabs
from quire.storage.postgres.outbox import PostgresOutbox
from quire.storage.postgres.outlet_runs import PostgresOutletRuns
from quire.storage.postgres.products import PostgresProducts
from quire.storage.postgres.progress import PostgresProgress
from quire.storage.postgres.quality import PostgresRunHistory, PostgresRunLists
from quire.storage.postgres.run_index import PostgresRunIndex
from quire.storage.postgres.run_looks import Looks
from quire.storage.postgres.runs import PostgresRuns
from quire.storage.postgres.saved_queries import PostgresSavedQueries
from quire.storage.postgres.session import Session
from quire.storage.postgres.switches import PostgresSwitches
from quire.storage.postgres.tokens import PostgresTokens


class PostgresTransaction:
    """`quire.ports.store.Transaction` in one session."""

    def __init__(self, session: Session, describe: Describe) -> None:
        self._session = session
        looks = Looks(session)
        self.documents = PostgresDocuments(session, looks)
        self.runs = PostgresRuns(session, describe, looks)
        self.finder = PostgresRunFinder(session, describe)
        self.run_index = PostgresRunIndex(session, self.runs, describe)
        self.run_history = PostgresRunHistory(session)
        self.run_lists = PostgresRunLists(session)
        self.acquisitions = PostgresAcquisitions(session)
        self.jobs = PostgresJobs(session, self.acquisitions.follow)
        self.numbers = PostgresJobNumbers(session)
        self.progress = PostgresProgress(session, looks)
        self.products = PostgresProducts(session)
        self.tokens = PostgresTokens(session)
        self.labs = PostgresLabs(session)
        self.outbox = PostgresOutbox(session)
        self.outlet_runs = PostgresOutletRuns(session)
        self.inlets = PostgresInlets(session)
        self.saved_queries = PostgresSavedQueries(session)
        self.switches = PostgresSwitches(session)

    def keep(self) -> None:
        """Take note that the commit has succeeded."""
        self._session.ended()
        self.documents.keep()

    def forget(self) -> None:
        """Take note that the commit has failed, or may have."""
        self._session.ended()
        self._session.changes.abandon()
        self.documents.forget()
