"""Finding runs and reading them back."""

import re
from enum import StrEnum

import msgspec

from quire.access.principals import Principal
from quire.access.visibility import keys_of
from quire.actions.intake import as_document
from quire.actions.seeing import may_see
from quire.documents.document import Document
from quire.documents.replay import replay_order
from quire.errors import Ambiguous, InputError, NotFound
from quire.ports.job_records import JobQuery
from quire.ports.run_records import RunQuery
from quire.ports.store import Store, Transaction
from quire.products.product import Product, stale_among
from quire.runs.run import Run

# Zeros before it are those of a uid.
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,17})")
_SHORTEST_PREFIX = 5
_SHOWN_CANDIDATES = 10
_FARTHEST_BACK = 10_000
_MOST_JOBS = 100


class By(StrEnum):
    """How a run is named."""

    UID = "uid"
    SCAN_ID = "scan_id"


class Order(StrEnum):
    """In which order a run's documents are wanted."""

    REPLAY = "replay"
    RECEIVED = "received"


class RunDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A run with what was made from it.

    Attributes
    ----------
    stale
        Ids of the products that late documents have overtaken.
    jobs
        Ids of the newest of its jobs.
    more_jobs
        Whether there are older ones, too.
    """

    run: Run
    products: tuple[Product, ...]
    stale: frozenset[str]
    jobs: tuple[str, ...]
    more_jobs: bool = False


class Lookup:
    """Answers questions about runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(
        self, which: str, principal: Principal, *, by: By | None = None
    ) -> RunDetail:
        """Return the one run that `which` names.

        Raises
        ------
        NotFound, Ambiguous
            None or several answer to it.
        """

        def question(tx: Transaction) -> RunDetail:
            run = find_run(tx, which, principal, by=by)
            jobs = tx.jobs.page(
                JobQuery(
                    limit=_MOST_JOBS + 1, run=run.uid, owner=principal.visible_owner
                )
            )
            every = tx.products.of_run(run.uid)
            products = tuple(one for one in every if one.removed is None)
            return RunDetail(
                run=run,
                products=products,
                stale=stale_among(products, {run.uid: run.documents}),
                jobs=tuple(job.id for job in jobs[:_MOST_JOBS]),
                more_jobs=len(jobs) > _MOST_JOBS,
            )

        return await self._store.view(question)

    async def documents(
        self, which: str, principal: Principal, *, by: By | None, order: Order
    ) -> list[Document]:
        """Return a run's documents as they were received, in the order asked for."""

        def question(tx: Transaction) -> list[Document]:
            run = find_run(tx, which, principal, by=by)
            documents = [as_document(stored) for stored in tx.documents.of_run(run.uid)]
            if order is Order.RECEIVED:
                return documents
            return [documents[place] for place in replay_order(documents)]

        return await self._store.view(question)


def find_run(
    tx: Transaction, which: str, principal: Principal, *, by: By | None = None
) -> Run:
    """Return the run that a uid, a scan_id, a negative number or a prefix names.

    Tried in this order: full uid; integer (a scan_id, of which the latest start
    wins, or counted from the newest if negative); unique prefix of a uid, also of
    digits alone where no run has such a scan_id.
    """
    if by is not By.SCAN_ID:
        run = tx.runs.get(which)
        if run is not None and may_see(principal, run):
            return run
    if by is not By.UID and _INTEGER.fullmatch(which):
        try:
            return _by_number(tx, int(which), principal)
        except NotFound as no_number:
            if by is By.SCAN_ID or not which.isdecimal():
                raise
            try:
                return _by_prefix(tx, which, principal)
            except NotFound:
                raise no_number from None
    if by is By.SCAN_ID:
        raise InputError("by", f"{which!r} is no integer", "give a scan_id")
    return _by_prefix(tx, which, principal)


def _by_number(tx: Transaction, number: int, principal: Principal) -> Run:
    visible = keys_of(principal)
    if number >= 0:
        found = tx.runs.page(RunQuery(limit=1, visible=visible, scan_id=number))
        if not found:
            raise NotFound("run", str(number), "no run has this scan_id")
        return found[0]
    if -number > _FARTHEST_BACK:
        raise InputError(
            "which", f"{number} is too far back", f"at most -{_FARTHEST_BACK}"
        )
    found = tx.runs.page(RunQuery(limit=-number, visible=visible))
    if len(found) < -number:
        raise NotFound("run", str(number), f"there are only {len(found)} runs")
    return found[-1]


def _by_prefix(tx: Transaction, which: str, principal: Principal) -> Run:
    if len(which) < _SHORTEST_PREFIX:
        raise NotFound(
            "run", which, f"a prefix takes at least {_SHORTEST_PREFIX} characters"
        )
    found = tx.runs.page(
        RunQuery(limit=_SHOWN_CANDIDATES, visible=keys_of(principal), prefix=which)
    )
    if len(found) > 1:
        raise Ambiguous("run", which, [run.uid for run in found])
    for run in found:
        return run
    raise NotFound("run", which)
