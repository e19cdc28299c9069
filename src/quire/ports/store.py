"""The store: where documents, runs, jobs and progress are kept."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from quire.ports.acquisition_records import AcquisitionRecords
from quire.ports.document_records import DocumentRecords
from quire.ports.inlet_records import InletRecords
from quire.ports.job_numbers import JobNumbers
from quire.ports.job_records import JobRecords
from quire.ports.lab_records import LabRecords
from quire.ports.outbox_records import OutboxRecords
from quire.ports.outlet_run_records import OutletRunRecords
from quire.ports.product_records import ProductRecords
from quire.ports.progress_records import ProgressRecords
from quire.ports.quality_records import RunHistory, RunLists
from quire.ports.run_finder import RunFinder
from quire.ports.run_index import RunIndex
from quire.ports.run_records import RunRecords
from quire.ports.saved_query_records import SavedQueryRecords
from quire.ports.switch_records import SwitchRecords
from quire.ports.token_records import TokenRecords

T = TypeVar("T")


class Transaction(Protocol):
    """What a decision reads and writes; all of it commits, or nothing."""

    @property
    def documents(self) -> DocumentRecords:
        """The documents as they were received."""
        ...

    @property
    def runs(self) -> RunRecords:
        """The runs, folded from them."""
        ...

    @property
    def finder(self) -> RunFinder:
        """Searches among the runs."""
        ...

    @property
    def run_index(self) -> RunIndex:
        """The indexes of runs."""
        ...

    @property
    def run_history(self) -> RunHistory:
        """Who changed what of runs' quality."""
        ...

    @property
    def run_lists(self) -> RunLists:
        """The frozen lists of runs."""
        ...

    @property
    def jobs(self) -> JobRecords:
        """The jobs."""
        ...

    @property
    def numbers(self) -> JobNumbers:
        """The numbers of jobs that are run outside."""
        ...

    @property
    def acquisitions(self) -> AcquisitionRecords:
        """The acquisitions: views of their jobs."""
        ...

    @property
    def progress(self) -> ProgressRecords:
        """The progress logs."""
        ...

    @property
    def products(self) -> ProductRecords:
        """The published products."""
        ...

    @property
    def tokens(self) -> TokenRecords:
        """The tokens."""
        ...

    @property
    def labs(self) -> LabRecords:
        """The labs."""
        ...

    @property
    def outbox(self) -> OutboxRecords:
        """The documents in the order in which outlets forward them."""
        ...

    @property
    def outlet_runs(self) -> OutletRunRecords:
        """The runs that outlets keep a record of."""
        ...

    @property
    def inlets(self) -> InletRecords:
        """How far inlets have come, and what they set aside."""
        ...

    @property
    def saved_queries(self) -> SavedQueryRecords:
        """The queries that people saved."""
        ...

    @property
    def switches(self) -> SwitchRecords:
        """What people have switched on or off."""
        ...


Decision = Callable[[Transaction], T]


class Store(Protocol):
    """Keeps records durably.

    Guarantees
    ----------
    - When `decide` returns, what the decision wrote is on disk, and every reader
      that begins afterwards sees it.
    - A decision that raises leaves no trace, and its error reaches the caller;
      other decisions of the same commit are not harmed.
    - Decisions see each other's writes in one order; nobody else sees part of one.
    - After the commit the doorbell is rung for every operation whose log grew, for
      ``"jobs"`` if a job was put, and for ``"runs"`` if a run was put.
    - A decision is a plain synchronous function that neither blocks nor keeps the
      transaction; it may be run again from the start if a commit fails midway.
    """

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        """Run the decision in a transaction and return what it returned.

        Parameters
        ----------
        brief
            Whether it takes well below a millisecond: then a store may run it right
            where it is asked, instead of on a thread of its own.

        Raises
        ------
        StoreFull
            The disk is full. Nothing was kept of this decision.
        StoreUnavailable
            Durability cannot be promised now. Nothing was acknowledged.
        """
        ...

    async def view(self, question: Decision[T]) -> T:
        """Run a function that only reads, on one consistent state."""
        ...

    async def ready(self) -> str:
        """Return why the store cannot take writes now, empty if it can."""
        ...

    async def aclose(self) -> None:
        """Finish what was begun, then let go of everything."""
        ...
